"""Kernels of a git revision: read from real repositories, and refused with what to do."""

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from pytest_tritonbench.candidate.files import kernel_file
from pytest_tritonbench.candidate.revision import RevisionError, revision


@pytest.fixture(autouse=True)
def _no_settings_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Git reads nothing outside the test's repositories, nor what a hook has set."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder."""
    who = [
        "-c",
        "user.name=A",
        "-c",
        "user.email=a@example.org",
        "-c",
        "protocol.file.allow=always",
    ]
    command = ["git", *who, *arguments]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose kernel doubled at the tag ``then`` and triples today."""
    top = tmp_path / "project"
    (top / "kernels").mkdir(parents=True)
    git(top, "init", "-q", "-b", "main")
    write(top / "kernels/scale.py", "# é\ndef scale(x): return x * 2\n")
    commit(top, "Two")
    git(top, "tag", "then")
    write(top / "kernels/scale.py", "def scale(x): return x * 3\n")
    write(top / "kernels/late.py", "def late(x): return x\n")
    commit(top, "Three")
    return top


def write(path: Path, text: str) -> None:
    """Write a file, and its folder where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def commit(top: Path, message: str) -> str:
    """Commit everything."""
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", message)
    return git(top, "rev-parse", "HEAD")


def test_a_kernel_as_it_was(repository: Path) -> None:
    """Text, entry, digest, and a name that `git show` takes."""
    found = revision("then", repository / "kernels", repository)
    source = found.kernel("scale")
    assert source is not None
    assert source.text == "# é\ndef scale(x): return x * 2\n"
    assert source.entry == "scale"
    assert source.digest == hashlib.sha256(source.text.encode()).hexdigest()
    assert git(repository, "show", source.name) == source.text.strip()
    assert found.commit == git(repository, "rev-parse", "then")


@pytest.mark.parametrize("name", ["then", "HEAD~1", "main~", "then^0", "refs/tags/then"])
def test_whatever_git_takes_for_a_revision(repository: Path, name: str) -> None:
    """Tags, branches, what counts back from them."""
    expected = git(repository, "rev-parse", "then")
    assert revision(name, repository / "kernels", repository).commit == expected
    assert revision(expected[:10], repository / "kernels", repository).commit == expected


def test_an_annotated_tag_is_its_commit(repository: Path) -> None:
    """What is told is the commit, not the tag's own object."""
    git(repository, "tag", "-a", "v1.0", "-m", "One", "then")
    found = revision("v1.0", repository / "kernels", repository)
    assert found.commit == git(repository, "rev-parse", "then")


def test_a_kernel_that_is_new_has_no_source(repository: Path) -> None:
    """It was not there then, whether others were or not, and that is no error."""
    assert revision("then", repository / "kernels", repository).kernel("late") is None
    assert revision("HEAD", repository / "kernels", repository).kernel("late") is not None
    elsewhere = revision("HEAD", repository / "no/such/folder", repository)
    assert elsewhere.kernel("scale") is None


def test_a_kernel_that_did_not_change_has_todays_digest(repository: Path) -> None:
    """Also where git turns line ends for the work tree."""
    git(repository, "config", "core.autocrlf", "true")
    (repository / "kernels/scale.py").unlink()
    git(repository, "checkout", "-q", "--", "kernels/scale.py")
    today = kernel_file(repository / "kernels", "scale", repository)
    assert "\r\n" in today.text
    source = revision("HEAD", repository / "kernels", repository).kernel("scale")
    assert source is not None
    assert source.digest == today.digest


def test_nothing_is_touched(repository: Path) -> None:
    """Neither work tree nor index change, though a kernel is being edited."""
    write(repository / "kernels/scale.py", "half a tho")
    git(repository, "add", "kernels/scale.py")
    write(repository / "kernels/scale.py", "half a thought")

    def state() -> list[tuple[str, int, bytes]]:
        files = sorted(path for path in repository.rglob("*") if path.is_file())
        return [(str(path), path.stat().st_mtime_ns, path.read_bytes()) for path in files]

    before = state()
    source = revision("then", repository / "kernels", repository).kernel("scale")
    assert source is not None
    assert source.text.endswith("x * 2\n")
    assert state() == before


def test_a_project_below_the_top_of_its_repository(repository: Path) -> None:
    """The kernels of one of several projects, whose root folder pytest is run in."""
    write(repository / "gpu ops/kernels/scale.py", "def scale(x): return x * 5\n")
    commit(repository, "Five")
    root = repository / "gpu ops"
    source = revision("HEAD", root / "kernels", root).kernel("scale")
    assert source is not None
    assert (source.text[-2:], source.name) == ("5\n", "HEAD:gpu ops/kernels/scale.py")


def test_kernels_at_the_top(tmp_path: Path) -> None:
    """The folder of the kernels may be the repository itself."""
    git(tmp_path, "init", "-q")
    write(tmp_path / "scale.py", "def scale(x): return x\n")
    commit(tmp_path, "One")
    source = revision("HEAD", tmp_path, tmp_path).kernel("scale")
    assert source is not None
    assert source.name == "HEAD:scale.py"


def test_links_are_followed_inside_the_repository(repository: Path, tmp_path: Path) -> None:
    """To a file, by way of a folder; one that leads out or in circles is told."""
    kernels = repository / "kernels"
    (kernels / "same.py").symlink_to("scale.py")
    (kernels / "nothing.py").symlink_to("none.py")
    (kernels / "circle.py").symlink_to("circle.py")
    (kernels / "out.py").symlink_to(tmp_path / "out.py")
    (kernels / "folder.py").mkdir()
    write(kernels / "folder.py/inside", "")
    commit(repository, "Links")
    found = revision("HEAD", kernels, repository)
    same, scale = found.kernel("same"), found.kernel("scale")
    assert same is not None
    assert scale is not None
    assert (same.text, same.entry) == (scale.text, "same")
    assert found.kernel("nothing") is None
    with pytest.raises(RevisionError, match=r"HEAD:kernels/out\.py: leads out of"):
        found.kernel("out")
    for name in ("circle", "folder"):
        with pytest.raises(RevisionError, match=f"HEAD:kernels/{name}.py: is no file"):
            found.kernel(name)


def test_another_encoding_is_told_with_its_line(repository: Path) -> None:
    """As for a file of today."""
    (repository / "kernels/scale.py").write_bytes(b"one\ncaf\xe9\n")
    commit(repository, "Latin")
    found = revision("HEAD", repository / "kernels", repository)
    with pytest.raises(RevisionError, match=r"HEAD:kernels/scale\.py:2: not UTF-8"):
        found.kernel("scale")


def test_what_a_hook_of_git_has_set_leads_nowhere_else(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pytest may run in a hook, of this repository or of another."""
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other/.git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "other/.git/index"))
    assert revision("then", repository / "kernels", repository).kernel("scale") is not None


def test_a_linked_work_tree(repository: Path, tmp_path: Path) -> None:
    """Its kernels have the revisions of the repository that it is linked to."""
    git(repository, "worktree", "add", "-q", "--detach", str(tmp_path / "linked"), "then")
    linked = tmp_path / "linked"
    assert revision("main", linked / "kernels", linked).kernel("late") is not None


def test_an_unknown_revision(repository: Path) -> None:
    """The message names it, and what would be one; options are none."""
    for name in ("nope", "0" * 40, "--all", "then:kernels", "then..main"):
        with pytest.raises(RevisionError, match=f"no revision '{name}' in .*; give a branch, a"):
            revision(name, repository / "kernels", repository)


def test_a_branch_that_only_the_remote_has(repository: Path, tmp_path: Path) -> None:
    """As in CI, which checks out one commit and makes no branch of it."""
    git(repository, "branch", "base")
    git(tmp_path, "clone", "-q", str(repository), "clone")
    clone = tmp_path / "clone"
    with pytest.raises(RevisionError, match=r"no revision 'base' in .*; there is 'origin/base'"):
        revision("base", clone / "kernels", clone)
    assert revision("origin/base", clone / "kernels", clone).kernel("late") is not None


def test_a_shallow_clone(repository: Path, tmp_path: Path) -> None:
    """It does not have the revision, and the message says how to get it; what it has is read."""
    git(tmp_path, "clone", "-q", "--depth=1", repository.as_uri(), "clone")
    clone = tmp_path / "clone"
    for name in ("then", "HEAD~1", git(repository, "rev-parse", "then")):
        with pytest.raises(RevisionError, match=r"shallow.*git fetch --unshallow.*fetch-depth: 0"):
            revision(name, clone / "kernels", clone)
    assert revision("HEAD", clone / "kernels", clone).kernel("late") is not None
    git(clone, "fetch", "-q", "--unshallow", "--tags")
    assert revision("then", clone / "kernels", clone).kernel("scale") is not None


def test_no_repository(tmp_path: Path) -> None:
    """A folder without one is told as such."""
    with pytest.raises(RevisionError, match="is in no git repository"):
        revision("main", tmp_path / "kernels", tmp_path)


def test_a_repository_that_git_does_not_read(repository: Path) -> None:
    """What git says of it is passed on."""
    (repository / ".git/config").write_text("[core\n")
    with pytest.raises(RevisionError, match=r"git does not read the repository.*bad config line 1"):
        revision("main", repository / "kernels", repository)


def test_no_git(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without git is told so."""
    monkeypatch.setenv("PATH", str(repository))
    with pytest.raises(RevisionError, match="git is not installed, or not on the PATH"):
        revision("main", repository / "kernels", repository)


def test_kernels_outside(repository: Path, tmp_path: Path) -> None:
    """Kernels that lie elsewhere, or that a link leads to, have no revision here."""
    (tmp_path / "elsewhere").mkdir()
    (repository / "linked").symlink_to(tmp_path / "elsewhere")
    for kernels in (tmp_path / "elsewhere", repository / "linked", tmp_path / "none/at/all"):
        with pytest.raises(RevisionError, match=r"outside the repository .*--tb-kernels"):
            revision("main", kernels, repository)


def test_kernels_of_a_submodule(repository: Path, tmp_path: Path) -> None:
    """They belong to another repository, which has other revisions."""
    git(tmp_path, "init", "-q", "outer")
    outer = tmp_path / "outer"
    git(outer, "submodule", "--quiet", "add", str(repository), "inner")
    commit(outer, "One")
    with pytest.raises(RevisionError, match=r"belongs to another repository, .*/outer/inner, than"):
        revision("HEAD", outer / "inner/kernels", outer)


def test_objects_that_are_gone(repository: Path) -> None:
    """What is missing in a broken repository is no new kernel."""
    blob = git(repository, "rev-parse", "then:kernels/scale.py")
    found = revision("then", repository / "kernels", repository)
    (repository / ".git/objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(RevisionError, match=r"lists then:kernels/scale\.py and has no content"):
        found.kernel("scale")
