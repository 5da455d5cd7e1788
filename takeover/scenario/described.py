"""What the Structs of YAML files say of themselves: JSON schemas, and a reference of every field."""

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from takeover.scenario.typed_yaml import Entry, Json

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REF = "#/$defs/"
_ARGUMENT = re.compile(r"    (\w+): (.*)")


@dataclass(frozen=True)
class YamlFile:
    """A kind of YAML file.

    Args:
        name: what it is called.
        kinds: the Structs of which it is; of several, each entry is of any.
        is_list: whether it is a list of them, not one.
        open: fields whose mappings are of any of some Structs that are chosen when it is read: Struct, field → them.
    """

    name: str
    kinds: tuple[type[Entry], ...]
    is_list: bool
    open: Mapping[tuple[str, str], tuple[type[Entry], ...]]


def json_schema(file: YamlFile) -> bytes:
    """Its JSON schema, indented, with a line end."""
    schema: dict[str, Json] = {"$schema": _DIALECT, "title": file.name}
    root = _any_of(file.kinds)
    schema |= {"type": "array", "items": root} if file.is_list else root
    return msgspec.json.format(msgspec.json.encode(schema | {"$defs": _definitions(file)}), indent=2) + b"\n"


def reference(files: Iterable[YamlFile]) -> str:
    """Every field of these files in Markdown, a table for each Struct."""
    lines, told = ["# Every field of the YAML files", "", "Written by `takeover reference`.", ""], set[str]()
    for file in files:
        lines += [f"## {file.name}", ""]
        if file.is_list:
            listed = " or ".join(_link(each.__name__) for each in file.kinds)
            lines += [f"A list; each entry is {listed}.", ""]
        definitions = _definitions(file)
        structs = {each.__name__: each for each in _structs(Entry)}
        first = [each.__name__ for each in file.kinds]
        for name in [*first, *(each for each in definitions if each not in first)]:
            base = _base(structs[name])
            for struct, schema in ((base, definitions[name]), (structs[name], definitions[name])):
                if struct is not None and struct.__name__ not in told:
                    told.add(struct.__name__)
                    lines += [*_table(struct, schema, base if struct is not base else None), ""]
    return "\n".join(lines).rstrip() + "\n"


def _definitions(file: YamlFile) -> dict[str, Json]:
    """The Structs' schemas, with what the docstrings say of each field."""
    kinds = {*file.kinds, *(each for kinds in file.open.values() for each in kinds)}
    ordered = sorted(kinds, key=lambda each: each.__name__)
    _, components = msgspec.json.schema_components(ordered, ref_template=_REF + "{name}")
    structs = {each.__name__: each for each in _structs(Entry)}
    for name, schema in components.items():
        about = _arguments(structs[name])
        schema["description"] = _first_paragraph(structs[name])
        for field, its in schema["properties"].items():
            if not its.get("default"):
                its.pop("default", None)  # it only says that the field may be left out
            if field in about:
                its["description"] = about[field]
            if (name, field) in file.open:
                its["items"] = _any_of(file.open[name, field])
    return {name: components[name] for name in sorted(components)}


def _structs(kind: type[Entry]) -> Iterator[type[Entry]]:
    for each in kind.__subclasses__():
        yield each
        yield from _structs(each)


def _base(struct: type[Entry]) -> type[Entry] | None:
    """What the Struct extends, if that has fields that it describes itself."""
    return next((each for each in struct.__mro__[1:] if issubclass(each, Entry) and _own_arguments(each)), None)


def _any_of(kinds: tuple[type[Entry], ...]) -> dict[str, Json]:
    references = [{"$ref": _REF + each.__name__} for each in kinds]
    return references[0] if len(references) == 1 else {"anyOf": references}


def _first_paragraph(struct: type[Entry]) -> str:
    return " ".join((inspect.getdoc(struct) or "").partition("\n\n")[0].split())


def _arguments(struct: type[Entry]) -> dict[str, str]:
    """What the docstrings of the Struct and of those that it extends say of each field, by its name in the file."""
    found: dict[str, str] = {}
    for each in reversed(struct.__mro__):
        if issubclass(each, Entry):
            found |= _own_arguments(each)
    return found


def _own_arguments(struct: type[Entry]) -> dict[str, str]:
    """What the Struct's own docstring says of fields."""
    found, name = dict[str, str](), ""
    for line in inspect.cleandoc(struct.__doc__ or "").partition("Args:\n")[2].splitlines():
        if argument := _ARGUMENT.fullmatch(line):
            name, found[argument[1]] = argument[1], argument[2]
        elif line.strip():
            found[name] += f" {line.strip()}"
        else:
            break
    names = dict(zip(struct.__struct_fields__, struct.__struct_encode_fields__, strict=True))
    return {names[each]: text for each, text in found.items()}


def _link(name: str) -> str:
    return f"[{_title(name)}](#{_title(name).lower()})"


def _title(name: str) -> str:
    return name.removesuffix("Entry").removesuffix("File")


def _table(struct: type[Entry], schema: Json, base: type[Entry] | None) -> list[str]:
    """A Struct's own fields; those of what it extends are told there."""
    lines = [f"### {_title(struct.__name__)}", "", _first_paragraph(struct)]
    if base is not None:
        lines[-1] += f" Beside what follows it has the fields of {_link(base.__name__)}."
    lines += ["", "| field | form | |", "|---|---|---|"]
    own = _own_arguments(struct)
    for field in (each for each in schema["properties"] if each in own):
        its = schema["properties"][field]
        needed = "**needed**: " if field in schema.get("required", []) else ""
        default = f" Default: `{its['default']}`." if "default" in its else ""
        what = own[field].replace("|", "\\|").removesuffix(".")
        lines.append(f"| `{field}` | {_form(its)} | {needed}{what}.{default} |")
    return lines


def _form(schema: Json) -> str:
    """What a value must be, in words."""
    if "$ref" in schema:
        return _link(schema["$ref"].removeprefix(_REF))
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(map(_form, schema["anyOf"])))
    if "enum" in schema:
        return " or ".join(f"`{each}`" for each in schema["enum"])
    match schema.get("type"):
        case "array":
            inner = _form(schema["items"])
            return f"list of ({inner})" if " or " in inner else f"list of {inner}"
        case "object":
            inner = schema.get("additionalProperties")
            return f"mapping of {_form(inner)}" if isinstance(inner, dict) else "mapping"
        case "integer" | "number":
            words = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
            limits = [f"{words[each]} {schema[each]:.15g}" for each in words if each in schema]
            return " ".join(["number", *limits])
        case None:
            return "any"
        case kind:
            return str(kind)
