"""The check of a token, by itself: what opens, and what never does."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response

from api.door import Access, Handler, Keys, access_of, behind_door
from api.problems import Forbidden, Unauthorized

ADMIN, OTHER, PREDICT = b"admin-0123456789", b"admin-9876543210", b"predict-01234567"
KEYS = Keys(admin=(ADMIN, OTHER), predict=(PREDICT,))


async def handler(request: Request) -> Response:
    return Response("in")


GUARDED = {access: behind_door(handler, access, KEYS) for access in Access}


def outcome(guarded: Handler, *values: bytes) -> str:
    """In, or by which error it is kept out, with these Authorization fields."""
    fields = [(b"host", b"a"), *((b"authorization", value) for value in values)]
    running = guarded(Request({"type": "http", "headers": fields})).__await__()
    try:
        next(running)
    except StopIteration:
        return "in"
    except (Unauthorized, Forbidden) as error:
        return type(error).__name__
    raise AssertionError("it waited")


near = st.builds(
    lambda token, at, byte: token[:at] + byte + token[at + 1 :],
    st.sampled_from([ADMIN, OTHER, PREDICT]),
    st.integers(0, 16),
    st.binary(max_size=2),
)
tokens = st.binary(max_size=40) | near | st.sampled_from([ADMIN, OTHER, PREDICT])
prefixes = st.sampled_from([b"Bearer ", b"bearer ", b"BEARER  ", b"Bearer", b"Basic ", b"", b" "])


@given(prefix=prefixes | st.binary(max_size=9), token=tokens)
@example(b"Bearer ", b"")
@example(b"Bearer ", ADMIN + b"\x00")
@example(b"Bearer ", ADMIN + b" ")
@example(b"Bearer\t", ADMIN)
@example(b"Bearer ", b"\xff" * 16)
@example(b"Bearer ", ADMIN + b"," + OTHER)
def test_nothing_but_a_token_opens(prefix: bytes, token: bytes) -> None:
    """Planted faults: tokens compared by their beginnings; trailing blanks cut; no scheme asked."""
    scheme, _, rest = (prefix + token).partition(b" ")
    given_token = rest.lstrip(b" ") if scheme.lower() == b"bearer" else None

    as_admin = outcome(GUARDED[Access.ADMIN], prefix + token)
    to_predict = outcome(GUARDED[Access.PREDICT], prefix + token)

    assert (as_admin == "in") == (given_token in (ADMIN, OTHER))
    assert (to_predict == "in") == (given_token in (ADMIN, OTHER, PREDICT))
    assert (as_admin == "Forbidden") == (given_token == PREDICT)
    assert to_predict != "Forbidden"


def test_two_authorization_fields_open_nothing() -> None:
    """Else a proxy may have looked at the other one. Planted fault: the last one taken."""
    assert outcome(GUARDED[Access.ADMIN], b"Bearer " + ADMIN, b"Bearer x") == "Unauthorized"
    assert outcome(GUARDED[Access.ADMIN], b"Bearer x", b"Bearer " + ADMIN) == "Unauthorized"


def test_a_wrong_token_is_told_from_a_missing_one_and_neither_is_repeated() -> None:
    for value, challenge in (
        (b"", "Bearer"),
        (b"Bearer wrong-one", 'Bearer error="invalid_token"'),
    ):
        request = Request({"type": "http", "headers": [(b"authorization", value)]})
        with pytest.raises(Unauthorized) as caught:
            next(GUARDED[Access.ADMIN](request).__await__())

        assert caught.value.challenge == challenge
        assert "wrong-one" not in str(caught.value)
        assert ADMIN.decode() not in str(caught.value)


def test_a_route_that_nobody_thought_of_is_the_operator_s() -> None:
    """Planted fault: whatever is not listed is open."""
    assert access_of("POST", "/new") is Access.ADMIN
    assert access_of("PATCH", "/models") is Access.ADMIN
    assert access_of("GET", "/predict/again") is Access.PREDICT
    assert access_of("GET", "/predictions") is Access.OPEN


def test_a_route_that_asks_for_nothing_costs_nothing() -> None:
    """The handler is itself. Planted fault: it is wrapped whether or not there is a token."""
    assert behind_door(handler, Access.ADMIN, Keys()) is handler
    assert behind_door(handler, Access.PREDICT, Keys(admin=(ADMIN,))) is handler
    assert behind_door(handler, Access.OPEN, KEYS) is handler


def test_keys_do_not_show_themselves() -> None:
    assert ADMIN.decode() not in f"{KEYS!r} {KEYS}"
