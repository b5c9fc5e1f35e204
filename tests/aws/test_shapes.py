"""What Weir checks requests by is what AWS's own model says."""

import pathlib
import re
import unittest

import botocore.loaders

FILE = pathlib.Path(__file__).parents[2] / "crates" / "api" / "src" / "aws" / "shapes" / "shapes.txt"

PATTERNS = {
    "[a-zA-Z0-9_.-]+": "name",
    "[a-zA-Z0-9-_+/=]+": "token",
    "arn:.*": "arn",
    "([01][0-9]|2[0-3]):[0-5][0-9]": "time",
    "[^-\\s<>&]*": "plain",
    "[a-zA-Z0-9/!-_.*'()]+": "path",
    "^(?=^\\$)(?=^\\S+$).*$": "row-path",
    "UTF-8": "utf-8",
    "[^\\u0000-\\u001F\\u007F]*": "printable",
}

# An empty list of tags is as good as none when an application is created.
OURS = {"TagsOrNone": "TagsOrNone list ..200 Tag"}


class Shapes(unittest.TestCase):
    maxDiff = None

    def test_shapes_are_those_of_the_service_model(self):
        model = botocore.loaders.Loader().load_service_model("kinesisanalyticsv2", "service-2")
        seen = {}
        for operation in model["operations"].values():
            self.assertEqual(operation["input"]["shape"], operation["name"] + "Request")
            self.assertEqual(operation["output"]["shape"], operation["name"] + "Response")
            visit(model["shapes"], operation["input"]["shape"], seen)
            visit(model["shapes"], operation["output"]["shape"], seen)
        want = {name: line(name, shape) for name, shape in seen.items()} | OURS
        lines = [it for it in FILE.read_text().splitlines() if it and not it.startswith("#")]
        found = {it.split(" ", 1)[0]: it.replace("Tags:TagsOrNone", "Tags") for it in lines}
        self.assertEqual(found, want)


def visit(shapes, name, seen):
    if name in seen:
        return
    shape = seen[name] = shapes[name]
    inner = list(shape.get("members", {}).values())
    inner += [shape[key] for key in ("member", "key", "value") if key in shape]
    for each in inner:
        visit(shapes, each["shape"], seen)


def line(name, shape):
    kind = {"long": "integer"}.get(shape["type"], shape["type"])
    size = ""
    if "min" in shape or "max" in shape:
        size = " {}..{}".format(shape.get("min", ""), shape.get("max", ""))
    if kind == "structure":
        required = shape.get("required", [])
        members = [
            member + ("*" if member in required else "") + ("" if of["shape"] == member else ":" + of["shape"])
            for member, of in shape["members"].items()
        ]
        return "{} {{ {} }}".format(name, ", ".join(members)) if members else name + " { }"
    if "enum" in shape:
        return "{} enum {}".format(name, " ".join(shape["enum"]))
    words = [shape[key]["shape"] for key in ("member", "key", "value") if key in shape]
    words += [PATTERNS[shape["pattern"]]] if "pattern" in shape else []
    return " ".join(["{} {}{}".format(name, kind, size), *words])
