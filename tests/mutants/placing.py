"""Put a mutant in the place of the module or script that it was made of, within this process.

Called by `loop.py`, in a forked child whose modules are imported already.
"""

import gc
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType

from tests.mutants.mutations import Mutant

ROOT = Path(__file__).parents[2]


def is_swappable(mutant: Mutant) -> bool:
    """False where the change stands outside of functions, in a constant or a default: other modules have
    copied its value when they were imported, so it cannot be changed afterwards."""
    changed, original = _compiled(mutant, mutant.text), _compiled(mutant, _original(mutant))
    return (
        changed is not None
        and original is not None
        and _is_same_outside_functions(original, changed)
    )


def put_module_in_place(mutant: Mutant) -> bool:
    """Give every function of the module the mutant's code; False where the mutant does not compile.

    The functions stay the same objects, so whoever has imported one runs the new code.
    """
    changed = _compiled(mutant, mutant.text)
    if changed is None:
        return False
    path = str(ROOT / mutant.file)
    codes = {(code.co_qualname, code.co_firstlineno): code for code in _functions_in(changed)}
    for function in gc.get_objects():
        if isinstance(function, FunctionType) and function.__code__.co_filename == path:
            key = (function.__code__.co_qualname, function.__code__.co_firstlineno)
            function.__code__ = codes.get(key, function.__code__)
    return True


def put_script_in_place(mutant: Mutant) -> bool:
    """Let the loader of the desk's scripts read the mutant's text."""
    loader = importlib.import_module("server.desk.scripts.loader")
    source, original = loader._source, _original(mutant)
    vars(loader)["_source"] = lambda name: source(name).replace(original, mutant.text)
    return True


def _original(mutant: Mutant) -> str:
    return (ROOT / mutant.file).read_text("utf-8")


def _compiled(mutant: Mutant, text: str) -> CodeType | None:
    try:
        return compile(text, str(ROOT / mutant.file), "exec")
    except SyntaxError:
        return None


def _is_same_outside_functions(one: CodeType, other: CodeType) -> bool:
    """True where the two differ in the bodies of functions only; a class body is part of the module."""
    if one.co_code != other.co_code or one.co_names != other.co_names:
        return False
    return all(
        _is_same_constant(*pair) for pair in zip(one.co_consts, other.co_consts, strict=True)
    )


def _is_same_constant(one: object, other: object) -> bool:
    if isinstance(one, CodeType) and isinstance(other, CodeType):
        is_function = bool(one.co_flags & 0x1)  # CO_OPTIMIZED, which a class body has not
        return is_function or _is_same_outside_functions(one, other)
    return type(one) is type(other) and one == other


def _functions_in(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _functions_in(constant)
