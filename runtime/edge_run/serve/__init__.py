"""``edge-run serve``: other programs ask over HTTP, and a person reviews flagged cases in a browser.

Only the command imports this room: it needs the extra ``serve`` (Starlette and uvicorn).
"""
