"""Compiles with NVRTC what dfdx compiles while a program runs: kernels_at_run_time.py NVRTC DFDX INCLUDE OUT ARCH...

Writes OUT/NAME.ARCH.ptx for every kernel, number format and architecture.
"""

import ctypes
import re
import sys
from pathlib import Path

nvrtc, dfdx, include, out, *archs = sys.argv[1:]
nvrtc = ctypes.CDLL(nvrtc)
tensor_ops = Path(dfdx) / "src" / "tensor_ops"
FORMATS = ["float", "double", "__half"]


def call(function, *arguments):
    error = getattr(nvrtc, function)(*arguments)
    if error:
        raise RuntimeError(f"{function} answers {error}")


def text(function, program):
    size = ctypes.c_size_t()
    call(f"{function}Size", program, ctypes.byref(size))
    chars = ctypes.create_string_buffer(size.value)
    call(function, program, chars)
    return chars.value


def compile(source, arch):
    program = ctypes.c_void_p()
    call("nvrtcCreateProgram", ctypes.byref(program), source.encode(), None, 0, None, None)
    options = [f"--gpu-architecture=sm_{arch}", f"--include-path={include}"]
    options.append(f"--include-path={tensor_ops / 'utilities'}")
    array = (ctypes.c_char_p * len(options))(*[option.encode() for option in options])
    try:
        call("nvrtcCompileProgram", program, len(options), array)
    except RuntimeError as e:
        raise SystemExit(f"{e}: {text('nvrtcGetProgramLog', program).decode()}\n{source}")
    ptx = text("nvrtcGetPTX", program)
    call("nvrtcDestroyProgram", ctypes.byref(program))
    return ptx


def sources():
    """Names and sources, one for every number format."""
    for file in sorted(tensor_ops.glob("*/cuda_kernel.rs")):
        for name, quoted in re.findall(r'const (\w+): &str =\s*"((?:[^"\\]|\\.)*)"', file.read_text()):
            source = quoted.replace('\\"', '"')
            if "__global__" not in source:
                continue
            for at, number in enumerate(FORMATS):
                filled = source.replace("$Src", number).replace("$Dst", FORMATS[at - 1])
                filled = filled.replace("$Ty", number).replace("$T", number)
                yield f"{file.parent.name}.{name}.{number}".lower(), filled


count = 0
for name, source in sources():
    for arch in archs:
        (Path(out) / f"{name}.{arch}.ptx").write_bytes(compile(source, arch))
        count += 1
if count == 0:
    raise SystemExit(f"{dfdx} has no kernels that are compiled at run time")
