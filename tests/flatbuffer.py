"""What a `.tflite` holds, for tests that look inside."""

from typing import Any

from ai_edge_litert import schema_py_generated as schema

_NAMES = {code: name for name, code in vars(schema.BuiltinOperator).items() if name.isupper()}


def read(model: bytes) -> tuple[Any, dict[str, Any]]:
    """The file as objects, and its tensors by name."""
    whole = schema.ModelT.InitFromPackedBuf(model)
    return whole, {tensor.name.decode(): tensor for tensor in whole.subgraphs[0].tensors}


def operators(model: bytes) -> list[str]:
    """The operators in order, as the format calls them (`CONV_2D`)."""
    whole, _ = read(model)
    names = [_NAMES[code.builtinCode] for code in whole.operatorCodes]
    return [names[operator.opcodeIndex] for operator in whole.subgraphs[0].operators]
