"""Holds every answer against AWS's model of its service, more strictly than any client does."""

import json
import re

# The limits of these do not hold in AWS's own answers: an MD5 has 32 digits, code in S3 may be larger, and an
# application may have no tags.
NOT_EVEN_AWS = {"CodeMD5", "CodeSize", "Tags"}

# Not modelled for the operation, and yet the best answer: an unknown application, and a Limit or NextToken
# that is none.
BESIDE_THE_MODEL = {
    ("ListApplicationSnapshots", "ResourceNotFoundException"),
    ("ListApplications", "InvalidArgumentException"),
    ("CreateSnapshot", "ResourceNotFoundException"),
}

# Errors of the protocol, which no model lists.
PROTOCOL = {"SerializationException", "UnknownOperationException"}


class Checked:
    """What was seen."""

    def __init__(self):
        self.answers = 0
        self.errors = set()

    def watch(self, events):
        events.register("after-call.kinesis-analytics-v2", self._answer)

    def _answer(self, http_response, parsed, model, **_):
        self.answers += 1
        body = json.loads(http_response.content)
        headers = http_response.headers
        name = model.name
        problems = []
        if headers["content-type"] != "application/x-amz-json-1.1":
            problems.append("content type {}".format(headers["content-type"]))
        if not re.fullmatch("[0-9a-f-]{36}", headers.get("x-amzn-requestid", "")):
            problems.append("no request id")
        if http_response.status_code == 200:
            check(model.output_shape, body, name, problems)
        else:
            self._error(name, model, http_response.status_code, headers, body, problems)
        if problems:
            raise AssertionError("{} answered {}: {}".format(name, json.dumps(body), "; ".join(problems)))

    def _error(self, name, model, status, headers, body, problems):
        code = body.get("__type")
        self.errors.add((name, code))
        modelled = {shape.name for shape in model.error_shapes}
        # What only SQL applications had is refused with words of its own.
        gone = code == "UnsupportedOperationException" and ("Input" in name or "Output" in name or "Reference" in name)
        if not gone and code not in modelled | PROTOCOL and (name, code) not in BESIDE_THE_MODEL:
            problems.append("{} is not modelled for {}".format(code, name))
        if status != (500 if code == "ServiceUnavailableException" else 400):
            problems.append("status {}".format(status))
        if headers.get("x-amzn-errortype") != code:
            problems.append("x-amzn-errortype {}".format(headers.get("x-amzn-errortype")))
        if set(body) != {"__type", "message", "Message"} or body["message"] != body["Message"]:
            problems.append("members {}".format(sorted(body)))
        if not body.get("message"):
            problems.append("no message")


def check(shape, value, place, problems):
    """Notes what of the value is not as the shape has it."""
    name = shape.type_name
    if name == "structure":
        if not isinstance(value, dict):
            return problems.append("{} is no object".format(place))
        for member in set(value) - set(shape.members):
            problems.append("{}.{} is not in the model".format(place, member))
        for member in shape.required_members:
            open_operation = member == "EndTime" and value.get("OperationStatus") == "IN_PROGRESS"
            if member not in value and not open_operation:
                problems.append("{}.{} is missing".format(place, member))
        for member, inner in value.items():
            if member in shape.members:
                check(shape.members[member], inner, "{}.{}".format(place, member), problems)
    elif name == "list":
        if not isinstance(value, list):
            return problems.append("{} is no array".format(place))
        if shape.name not in NOT_EVEN_AWS:
            limits(shape, len(value), place, problems)
        for index, inner in enumerate(value):
            check(shape.member, inner, "{}[{}]".format(place, index), problems)
    elif name == "map":
        limits(shape, len(value), place, problems)
        for key, inner in value.items():
            check(shape.key, key, "{} key".format(place), problems)
            check(shape.value, inner, "{}.{}".format(place, key), problems)
    elif name == "string":
        if not isinstance(value, str):
            return problems.append("{} is no string".format(place))
        if shape.enum and value not in shape.enum:
            problems.append("{} is {}".format(place, value))
        if shape.name not in NOT_EVEN_AWS:
            limits(shape, len(value), place, problems)
        pattern = shape.metadata.get("pattern")
        if pattern and not re.fullmatch(pattern.replace("9-_", "9_\\-"), value):
            problems.append("{} is {}".format(place, value))
    elif name in ("integer", "long"):
        if type(value) is not int:
            return problems.append("{} is no integer".format(place))
        if shape.name not in NOT_EVEN_AWS:
            limits(shape, value, place, problems)
    elif name == "boolean":
        if type(value) is not bool:
            problems.append("{} is no truth value".format(place))
    elif name == "timestamp":
        if type(value) is not float or value != int(value):
            problems.append("{} is not in whole seconds: {}".format(place, value))
    else:
        problems.append("{} has a type that no answer has: {}".format(place, name))


def limits(shape, number, place, problems):
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if (least is not None and number < least) or (most is not None and number > most):
        problems.append("{} has {}, not {}..{}".format(place, number, least, most))
