"""Runs a command for as long as whoever started it lives: until standard input is closed."""

import contextlib
import subprocess
import sys
import threading

PATIENCE = 30


def main() -> int:
    child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)

    def outlived() -> None:
        sys.stdin.read()
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(PATIENCE)
        child.kill()

    threading.Thread(target=outlived, daemon=True).start()
    return child.wait()


if __name__ == "__main__":
    sys.exit(main())
