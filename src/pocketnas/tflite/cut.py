"""A `.tflite` cut into models of one operator each, so that each can be timed alone.

LiteRT's Python package has no profiler, and the one in its C library knows XNNPACK's kernels but
not the operators of the file. Pieces tell which operator it is, on every device.
"""

import struct
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from pocketnas.errors import ModelError
from pocketnas.tflite.assembly import _Buffer

Shape = tuple[int, ...]
Constants = Mapping[int, NDArray[Any]]  # tensor: value, or the bytes of it

_NAMES = {code: name for name, code in vars(schema.BuiltinOperator).items() if name.isupper()}
_WHOLE = (schema.TensorType.INT32, schema.TensorType.INT64)
# Whole numbers of up to so many bytes say what to do (axes, margins, a shape); more are a bias.
_FEW = 64


@dataclass(frozen=True, slots=True)
class Piece:
    """One operator as a model of its own.

    Attributes:
        name: of the first tensor that it computes.
        op: what it is, as the format calls it (`CONV_2D`).
        inputs: shapes of what it is given at run time, batch first.
        outputs: shapes of what it computes.
        work: equal for pieces that do the same work, though on other weights.
        model: the `.tflite`; its tensors are named as in the whole.
    """

    name: str
    op: str
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    work: str
    model: bytes


def cut(model: bytes) -> list[Piece]:
    """The operators of a `.tflite`, float or int8, each as a model of its own, in order.

    What is known before the image comes (weights kept as float16, arithmetic on shapes) is a
    constant of the pieces that read it; operators that only compute such are left out.

    Raises:
        ModelError: it is no `.tflite`, has several subgraphs or its weights behind the model, or
            LiteRT cannot compute its constants.
    """
    whole = _read(model)
    [graph] = whole.subgraphs
    constants = {
        index: tensor.data
        for index, tensor in enumerate(graph.tensors)
        if tensor.data is not None and len(tensor.data)
    }
    known = _known(graph, constants)
    constants |= _computed(model, known - constants.keys())
    return [
        _piece(graph.tensors, operator, constants)
        for operator in graph.operators
        if operator.outputs and not known.issuperset(_read_by(operator))
    ]


def _read(model: bytes) -> Any:
    """The file as objects; tensors know their data, operators their code."""
    # LiteRT is not asked whether the file is sound: a damaged one can crash it, and us with it.
    try:
        if model[4:8] != b"TFL3":
            raise ValueError("the mark TFL3 is missing")
        whole = schema.ModelT.InitFromPackedBuf(model)
        outside = any(buffer.offset > 1 for buffer in whole.buffers)
        for graph in whole.subgraphs:
            for tensor in graph.tensors:
                tensor.name = (tensor.name or b"").decode()
                tensor.data = whole.buffers[tensor.buffer].data
            graph.outputs = _numbers(graph.outputs, graph.tensors)
            for operator in graph.operators:
                operator.code = whole.operatorCodes[operator.opcodeIndex]
                operator.inputs = _numbers(operator.inputs, graph.tensors)
                operator.outputs = _numbers(operator.outputs, graph.tensors)
    except (ValueError, TypeError, AttributeError, IndexError, struct.error) as error:
        raise ModelError(f"this is no .tflite: {' '.join(str(error).split())}") from None
    if len(whole.subgraphs) != 1:
        raise ModelError(f"only a .tflite of one subgraph can be cut, got {len(whole.subgraphs)}")
    if outside:
        raise ModelError("a .tflite with its weights behind the model cannot be cut")
    return whole


def _numbers(ends: NDArray[np.int32] | None, tensors: Sequence[Any]) -> list[int]:
    numbers = [] if ends is None else [int(index) for index in ends]
    if any(not -1 <= index < len(tensors) for index in numbers):
        raise IndexError(f"tensors {numbers} of {len(tensors)}")
    return numbers


def _read_by(operator: Any) -> list[int]:
    """The tensors that an operator reads, each once; -1 stands for one that it does without."""
    return [index for index in dict.fromkeys(operator.inputs) if index >= 0]


def _known(graph: Any, constants: Constants) -> set[int]:
    """The tensors whose values do not depend on the image.

    Whole numbers that are no output count as such: they are sizes, not pixels.
    """
    known = set(constants)
    for operator in graph.operators:
        if known.issuperset(_read_by(operator)):
            known.update(operator.outputs)
        known.update(i for i in operator.outputs if graph.tensors[i].type in _WHOLE)
    return known.difference(graph.outputs)


def _computed(model: bytes, tensors: set[int]) -> dict[int, NDArray[Any]]:
    """The values of these tensors in a run on zeros."""
    if not tensors:
        return {}
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    from pocketnas.tflite.runner import quiet

    try:
        with quiet():
            interpreter = Interpreter(
                model_content=model,
                experimental_preserve_all_tensors=True,
                experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            )
            interpreter.allocate_tensors()
            interpreter.invoke()
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"LiteRT refuses the model: {' '.join(str(error).split())}") from None
    return {index: interpreter.get_tensor(index) for index in tensors}


def _piece(tensors: Sequence[Any], operator: Any, constants: Constants) -> Piece:
    read, made = _read_by(operator), operator.outputs
    given = [index for index in read if index not in constants and not tensors[index].isVariable]
    used = read + made
    values = [constants.get(index) for index in used]
    whole = (tensors[index].type in _WHOLE for index in used)
    few = [
        value if numbers and value is not None and value.nbytes <= _FEW else None
        for numbers, value in zip(whole, values, strict=True)
    ]

    graph = schema.SubGraphT(name="main")
    graph.inputs, graph.outputs = _places(given, used), _places(made, used)
    ends = {"inputs": _places(operator.inputs, used), "outputs": graph.outputs}
    graph.operators = [_changed(operator, opcodeIndex=0, intermediates=None, **ends)]
    graph.tensors = [_changed(tensors[index], name=None, quantization=None) for index in used]
    bare = _packed(graph, operator.code, few)
    graph.tensors = [copy(tensors[index]) for index in used]
    return Piece(
        name=tensors[made[0]].name,
        op=_name(operator.code),
        inputs=tuple(_shape(tensors[index]) for index in given),
        outputs=tuple(_shape(tensors[index]) for index in made),
        work=sha256(bare).hexdigest(),
        model=_packed(graph, operator.code, values),
    )


def _packed(graph: Any, code: Any, values: Sequence[NDArray[Any] | None]) -> bytes:
    """The file of one operator; the tensors with a value become constants."""
    buffers = [_Buffer(np.empty(0, np.uint8))]
    for tensor, value in zip(graph.tensors, values, strict=True):
        tensor.buffer = 0
        if value is not None:
            tensor.buffer = len(buffers)
            buffers.append(_Buffer(np.ascontiguousarray(value)))
    model = schema.ModelT(version=3, operatorCodes=[code], subgraphs=[graph], buffers=buffers)
    builder = flatbuffers.Builder(sum(buffer.size + 64 for buffer in buffers) + 4096)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(memoryview(builder.Bytes)[builder.Head() :])


def _places(tensors: Sequence[int], used: Sequence[int]) -> list[int]:
    return [used.index(index) if index >= 0 else -1 for index in tensors]


def _changed(item: Any, **changes: Any) -> Any:
    item = copy(item)
    for name, value in changes.items():
        setattr(item, name, value)
    return item


def _name(code: Any) -> str:
    if code.customCode:
        return str(code.customCode.decode(errors="replace"))
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    return str(_NAMES.get(number, f"operator {number}"))


def _shape(tensor: Any) -> Shape:
    return () if tensor.shape is None else tuple(int(size) for size in tensor.shape)
