"""Programs that run inside the sandbox. They import nothing of ours and are never trusted."""
