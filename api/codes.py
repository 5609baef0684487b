"""The codes of error responses, as docs/endpoints.md names them."""

CODES = (
    "DEADLINE_EXCEEDED",
    "FORBIDDEN",
    "INSUFFICIENT_MEMORY",
    "INTERNAL_ERROR",
    "INVALID_PARAMETERS",
    "METHOD_NOT_ALLOWED",
    "MODEL_LOAD_FAILED",
    "MODEL_NOT_FOUND",
    "MODEL_NOT_REGISTERED",
    "MODEL_UNAVAILABLE",
    "NOT_FOUND",
    "OVERLOADED",
    "PAYLOAD_TOO_LARGE",
    "RATE_LIMITED",
    "UNAUTHORIZED",
)
