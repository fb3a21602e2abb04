"""Runs of tricktop on a terminal, for the benches beside this."""

import fcntl
import os
import pty
import struct
import termios
import threading


def start(command, cwd):
    """Starts a command on a pseudo-terminal of 120 x 36 whose output is read and thrown away: its pid, and the terminal."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.environ["TERM"] = "xterm-256color"
        os.execv(command[0], command)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))

    def drain():
        try:
            while os.read(terminal, 65536):
                pass
        except OSError:
            pass

    threading.Thread(target=drain, daemon=True).start()
    return pid, terminal


def ended(log):
    """Whether the run that writes this log has ended."""
    return log.exists() and '"run_end"' in log.read_text()
