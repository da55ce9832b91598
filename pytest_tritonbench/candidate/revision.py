"""Candidates from the kernel files of a git revision: what a kernel was like then.

Git's objects are read where they lie. Nothing is checked out, so that neither the work tree nor the
index is touched, and a kernel that is being edited is safe. A kernel is one file, to the sandbox as
well: what it imports is today's.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_tritonbench.candidate.files import Source

_TIMEOUT_S = 60.0
# A hook of git sets these; they would lead away from the repository that is meant.
_PLACES = (
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_PREFIX"),
    *("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES"),
)


class RevisionError(Exception):
    """The kernels of a revision cannot be had; the message says why and what to do."""


@dataclass(frozen=True)
class Revision:
    """The kernels of one commit; made by :func:`revision`."""

    name: str
    """As the user gave it, such as ``main``."""

    commit: str
    """In hex, in full."""

    repository: Path
    """Its top folder."""

    folder: str
    """Of the kernels, from the top folder; ``.`` for that itself."""

    def kernel(self, task: str) -> Source | None:
        """The kernel that answered a task.

        Line ends and filters are as a checkout would have them, so that a kernel that has not
        changed has the digest of today's file.

        Returns:
            ``None`` where there was none yet. The source's name is as ``git show`` takes it.

        Raises:
            RevisionError: If there was one that cannot be read as UTF-8, or git fails.
        """
        path = f"{task}.py" if self.folder == "." else f"{self.folder}/{task}.py"
        shown = f"{self.name}:{path}"
        blob = self._blob(path, shown)
        if blob is None:
            return None
        raw = _wanted(self.repository, "cat-file", "--filters", f"--path={path}", blob)
        try:
            text = raw.decode()
        except UnicodeDecodeError as e:
            line = raw[: e.start].count(b"\n") + 1
            raise RevisionError(f"{shown}:{line}: not UTF-8 ({e.reason})") from None
        return Source(text, shown, task, hashlib.sha256(raw).hexdigest())

    def _blob(self, path: str, shown: str) -> str | None:
        """The object of a file, behind links if there are any."""
        question = os.fsencode(f"{self.commit}:{path}\n")
        command = ("cat-file", "--batch-check", "--follow-symlinks")
        answers = os.fsdecode(_wanted(self.repository, *command, stdin=question))
        answer = answers.partition("\n")[0]
        first, _, rest = answer.partition(" ")
        if rest.startswith("blob "):
            return first
        if answer.endswith(" missing"):
            if _wanted(self.repository, "ls-tree", self.commit, "--", path):
                raise RevisionError(
                    f"git lists {shown} and has no content for it: see what `git fsck` says, or, "
                    f"in a partial clone, whether the remote can be reached"
                )
            return None
        if first in ("dangling", "notdir"):
            return None
        told = "leads out of the repository" if first == "symlink" else "is no file"
        raise RevisionError(f"{shown}: {told}")


def revision(name: str, kernels: Path, rootdir: Path) -> Revision:
    """Find a revision in the repository that the root folder belongs to.

    Args:
        name: A branch, a tag, a commit, or what else git takes for one.
        kernels: Folder of the kernel files; it may be missing today.
        rootdir: A folder of the repository, not necessarily its top.

    Raises:
        RevisionError: If there is no git, no repository or no such revision, or if the kernels do
            not belong to it.
    """
    top = _top(rootdir)
    place = kernels.resolve()
    there = next(folder for folder in (place, *place.parents) if folder.is_dir())
    if not place.is_relative_to(top):
        raise RevisionError(
            f"the kernels are in {place}, outside the repository {top}: they have no revision "
            f"there; give a folder inside it with --tb-kernels"
        )
    if (other := _top(there)) != top:
        raise RevisionError(
            f"the kernels are in {place}, which belongs to another repository, {other}, than "
            f"{rootdir} does ({top}): its revisions are not this one's; run pytest there"
        )
    return Revision(name, _commit(name, top), top, place.relative_to(top).as_posix())


def _commit(name: str, top: Path) -> str:
    found = _git(top, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    if found.returncode == 0:
        return found.stdout.decode().strip()
    told = f"there is no revision {name!r} in {top}"
    listed = _git(top, "for-each-ref", "--format=%(refname:short)", f"refs/remotes/*/{name}")
    if remote := listed.stdout.decode().split():
        raise RevisionError(f"{told}; there is {remote[0]!r}")
    if _git(top, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true":
        raise RevisionError(
            f"{told}: the clone is shallow, so that older commits and other branches are not "
            f"here; run `git fetch --unshallow`, or have CI fetch all (actions/checkout: "
            f"`fetch-depth: 0`)"
        )
    raise RevisionError(f"{told}; give a branch, a tag or a commit that `git log` knows")


def _top(folder: Path) -> Path:
    found = _git(folder, "rev-parse", "--show-toplevel")
    if found.returncode == 0:
        return Path(os.fsdecode(found.stdout.removesuffix(b"\n")))
    if b"not a git repository" in found.stderr:
        raise RevisionError(f"{folder} is in no git repository: kernels have no revisions there")
    raise RevisionError(f"git does not read the repository of {folder}: {_words(found)}")


def _wanted(top: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    """What git prints.

    Raises:
        RevisionError: If it fails.
    """
    done = _git(top, *arguments, stdin=stdin)
    if done.returncode != 0:
        raise RevisionError(f"`git {' '.join(arguments)}` fails in {top}: {_words(done)}")
    return done.stdout


def _words(done: subprocess.CompletedProcess[bytes]) -> str:
    said = done.stderr.decode(errors="replace").strip()
    return said or f"it ends with {done.returncode} and says nothing"


def _git(folder: Path, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(  # noqa: S603 - no shell; a name is never an option by itself
            ["git", *arguments],  # noqa: S607 - the user's own git
            cwd=folder,
            env=_environment(os.environ),
            input=stdin,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError:
        raise RevisionError("git is not installed, or not on the PATH") from None
    except subprocess.TimeoutExpired:
        raise RevisionError(
            f"`git {' '.join(arguments)}` takes longer than {_TIMEOUT_S:g} s in {folder}"
        ) from None


def _environment(outer: Mapping[str, str]) -> dict[str, str]:
    # Messages are looked at; nothing asks for a password; no lock is taken to refresh the index.
    fixed = {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
    return {**{name: value for name, value in outer.items() if name not in _PLACES}, **fixed}
