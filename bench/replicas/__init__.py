"""Several machines behind HAProxy."""
