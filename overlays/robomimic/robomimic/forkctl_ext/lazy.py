"""Objects that are made when they are first used: a hub model should not load at import."""


class LazyObject:
    """Stands for what `make()` returns, and makes it at the first attribute, call or item."""

    def __init__(self, make):
        self.__dict__["_make"] = make
        self.__dict__["_made"] = None

    def _object(self):
        if self.__dict__["_made"] is None:
            self.__dict__["_made"] = self.__dict__["_make"]()
        return self.__dict__["_made"]

    def __getattr__(self, name):
        return getattr(self._object(), name)

    def __setattr__(self, name, value):
        setattr(self._object(), name, value)

    def __call__(self, *args, **kwargs):
        return self._object()(*args, **kwargs)
