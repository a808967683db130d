"""From a URL to what the driver is told: nothing but where the server is, and that text is UTF-8."""

import psycopg
from psycopg.conninfo import make_conninfo

from stepwell.errors import ConfigurationError
from stepwell.store.postgres.errors import mask_password


def conninfo_of(url: str) -> str:
    """The driver's connection string for `url`. Raises ConfigurationError, with the password masked."""
    try:
        return make_conninfo(url, client_encoding="UTF8")
    except psycopg.Error as error:
        raise ConfigurationError(f"not a usable database URL: {mask_password(str(error)).strip()}") from None
