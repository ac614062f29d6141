import contextlib
import os

os.environ["GIT_CONFIG_GLOBAL"] = "/dev/null"
os.mkdir("/tmp/source")
import git

with contextlib.suppress(git.GitError):
    git.Repo.init("/tmp/source")
    options = {"upload-pack": "touch /tmp/started-by-clone; git-upload-pack"}
    git.Repo.clone_from("/tmp/source", "/tmp/copy", **options)
