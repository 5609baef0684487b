"""What stops a replay."""


class WhatIfError(Exception):
    """The input cannot be used; the message says where it is wrong and what to do."""
