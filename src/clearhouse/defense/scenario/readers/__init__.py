"""One file for each log format; `reading.py` beside this folder finds the right one."""
