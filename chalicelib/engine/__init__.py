"""The engine: one row in `wakes` per live execution says when it next needs attention; workers claim, plan, run and save.

Start reading at planner.py (what happens next, pure), then worker.py (who makes it happen), then repository.py (the statements).
"""
