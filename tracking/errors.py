"""What can go wrong in the service, by what it means to who asked."""


class VigilError(Exception):
    """Something a caller can act on; the text says what to do.

    ``retry_after_s`` says when asking again makes sense, where we know it; ``where`` names the
    part of a request that is wrong, as ``body.scope.assets``.
    """

    status = 500
    title = "Something went wrong here"
    retry_after_s: int | None = None

    def __init__(self, said: str = "", *, where: str = "") -> None:
        super().__init__(said)
        self.where = where


class NotSignedIn(VigilError):
    """Nobody, or a session that has ended."""

    status = 401
    title = "Sign in first"


class Forbidden(VigilError):
    """Signed in, and not allowed to do this."""

    status = 403
    title = "Not allowed"


class NotFound(VigilError):
    """No such thing, or none that this person may know of."""

    status = 404
    title = "Not found"


class Conflict(VigilError):
    """The thing is not in a state in which this can be done."""

    status = 409
    title = "Not possible now"


class Invalid(VigilError):
    """Understood, and wrong."""

    status = 422
    title = "Not valid"


class TooMany(VigilError):
    """Asked too often; wait."""

    status = 429
    title = "Too many requests"


class Unavailable(VigilError):
    """A part of the house is away; try again soon."""

    status = 503
    title = "Not available right now"


class IllegalMove(Conflict):
    """A life does not go from this state to that one."""
