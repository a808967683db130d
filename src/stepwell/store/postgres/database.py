"""The separate-database mode: a database of Stepwell's own, created when missing and allowed."""

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from stepwell.store.postgres.conninfo import conninfo_of
from stepwell.store.postgres.errors import fault_of_connect, fault_of_driver

_MISSING, _EXISTS = "does not exist", ("42P04", "23505")


async def ensure_database(url: str, *, maintenance: str = "postgres") -> bool:
    """Create the database that `url` names if it is not there; True if this call created it.

    Connects to it first, so that nothing is needed but CONNECT where it exists already. Raises StoreFault;
    kind ENVIRONMENT if the role may not create databases.
    """
    conninfo = conninfo_of(url)
    try:
        probe = await psycopg.AsyncConnection.connect(conninfo)
    except (psycopg.Error, OSError) as error:
        if _MISSING not in str(error) or "database" not in str(error):
            raise fault_of_connect(error) from None
    else:
        await probe.close()
        return False
    return await _create(conninfo, str(conninfo_to_dict(conninfo)["dbname"]), maintenance)


async def _create(conninfo: str, name: str, maintenance: str) -> bool:
    try:
        connection = await psycopg.AsyncConnection.connect(make_conninfo(conninfo, dbname=maintenance), autocommit=True)
    except (psycopg.Error, OSError) as error:
        raise fault_of_connect(error) from None
    try:
        await connection.execute(
            sql.SQL("create database {} encoding 'UTF8' template template0").format(sql.Identifier(name))
        )
    except psycopg.Error as error:
        if error.sqlstate in _EXISTS:
            return False  # another process was faster
        raise fault_of_driver(error) from None
    finally:
        await connection.close()
    return True
