"""What the language has anyway, described for the registry: macros, conversions, its string and mathematical extensions, times, optionals."""

from __future__ import annotations

from chalicelib.core.expressions.library.collections import LISTS, OBJECTS
from chalicelib.core.expressions.library.dates import DATES
from chalicelib.core.expressions.library.declare import Category
from chalicelib.core.expressions.library.encodings import ENCODINGS
from chalicelib.core.expressions.library.numbers import NUMBERS
from chalicelib.core.expressions.library.text import STRINGS

CONVERSIONS = Category("types")
OPTIONALS = Category("optionals")

note = LISTS.note
note("all", "Whether the condition holds for every element.", "list, name, condition -> bool", ("[1, 2].all(n, n > 0)", True), method=True)
note("exists", "Whether it holds for one at least.", "list, name, condition -> bool", ("[1, 2].exists(n, n > 1)", True), method=True)
note("exists_one", "Whether it holds for exactly one.", "list, name, condition -> bool", ("[1, 2].exists_one(n, n > 1)", True), method=True)
note("map", "A list of what an expression gives for each element.", ("list, name, expression -> list", "list, name, condition, expression -> list"), ("[1, 2].map(n, n * 2)", [2, 4]), method=True)
note("filter", "The elements for which the condition holds.", "list, name, condition -> list", ("[1, 2, 3].filter(n, n % 2 == 1)", [1, 3]), method=True)
note("size", "How many elements, names or characters it has.", ("list -> int", "map -> int", "string -> int", "bytes -> int"), ("size('äb')", 2))
note("join", "The strings of a list in one.", ("list -> string", "list, string -> string"), ("['a', 'b'].join(', ')", "a, b"), method=True)
note("first", "An optional of the first element.", "list -> optional", ("[1, 2].first().orValue(0)", 1), method=True)
note("last", "An optional of the last element.", "list -> optional", ("[].last().orValue(0)", 0), method=True)

OBJECTS.note("has", "Whether a field is there.", "field -> bool", ("has(input.nickname)", False))

note = STRINGS.note
note("contains", "Whether it holds another string.", "string, string -> bool", ("'abc'.contains('b')", True), method=True)
note("startsWith", "Whether it starts with another.", "string, string -> bool", ("'abc'.startsWith('ab')", True), method=True)
note("endsWith", "Whether it ends with another.", "string, string -> bool", ("'abc'.endsWith('bc')", True), method=True)
note("matches", "Whether a regular expression (RE2) matches some part of it.", "string, string -> bool", ("'a1'.matches('^[a-z][0-9]$')", True), method=True)
note("charAt", "The character at a position, from 0.", "string, int -> string", ("'abc'.charAt(1)", "b"), method=True)
note("indexOf", "Where another string first stands, from 0; -1 if nowhere.", ("string, string -> int", "string, string, int -> int"), ("'abcb'.indexOf('b')", 1), method=True)
note("lastIndexOf", "Where it last stands.", ("string, string -> int", "string, string, int -> int"), ("'abcb'.lastIndexOf('b')", 3), method=True)
note("lowerAscii", "ASCII letters small.", "string -> string", ("'AbÄ'.lowerAscii()", "abÄ"), method=True)
note("upperAscii", "ASCII letters capital.", "string -> string", ("'abä'.upperAscii()", "ABä"), method=True)
note("replace", "Every occurrence (or the first n) replaced.", ("string, string, string -> string", "string, string, string, int -> string"), ("'a-b-c'.replace('-', '+')", "a+b+c"), method=True)
note("split", "The parts between a separator (at most n).", ("string, string -> list", "string, string, int -> list"), ("'a,b'.split(',')", ["a", "b"]), method=True)
note("substring", "From a position on, or up to, not including, another.", ("string, int -> string", "string, int, int -> string"), ("'abcd'.substring(1, 3)", "bc"), method=True)
note("trim", "Without white space at both ends.", "string -> string", ("' a '.trim()", "a"), method=True)
note("reverse", "From the last character to the first.", "string -> string", ("'abc'.reverse()", "cba"), method=True)
note("format", "%s, %d, %.2f, %x, … replaced by the list's values.", "string, list -> string", ("'%s: %d'.format(['n', 5])", "n: 5"), method=True)
note("strings.quote", "In quotes, with escapes.", "string -> string", ("strings.quote('a\"b')", '"a\\"b"'))

note = NUMBERS.note
note("math.greatest", "The greatest of its arguments, or of a list.", ("number, … -> number", "list -> number"), ("math.greatest(1, 3, 2)", 3))
note("math.least", "The least of its arguments, or of a list.", ("number, … -> number", "list -> number"), ("math.least([2, 1])", 1))
note("math.ceil", "The next whole number up.", "double -> double", ("math.ceil(1.2)", 2.0))
note("math.floor", "The next whole number down.", "double -> double", ("math.floor(-1.2)", -2.0))
note("math.round", "The nearest whole number, half away from zero.", "double -> double", ("math.round(2.5)", 3.0))
note("math.trunc", "Without the fraction.", "double -> double", ("math.trunc(-1.7)", -1.0))
note("math.abs", "Without the sign.", "number -> number", ("math.abs(-3)", 3))
note("math.sign", "-1, 0 or 1.", "number -> number", ("math.sign(-2.5)", -1.0))
note("math.sqrt", "The square root.", "number -> double", ("math.sqrt(9)", 3.0))
note("math.isNaN", "Whether it is no number.", "double -> bool", ("math.isNaN(0.0 / 0.0)", True))
note("math.isInf", "Whether it is infinite.", "double -> bool", ("math.isInf(1.0 / 0.0)", True))
note("math.isFinite", "Whether it is neither.", "double -> bool", ("math.isFinite(1.5)", True))
note("random", "A double from 0 up to, not including, 1; the same whenever the node is computed again.", "-> double")

note = CONVERSIONS.note
note("int", "As an integer: of a double without its fraction, of text, of a time in seconds.", ("double -> int", "string -> int", "timestamp -> int"), ("int('42')", 42))
note("double", "As a double.", ("int -> double", "string -> double"), ("double('1.5')", 1.5))
note("string", "As text.", ("int -> string", "double -> string", "bool -> string", "bytes -> string", "timestamp -> string", "duration -> string"), ("string(12)", "12"))
note("bool", "Of text: true or false.", "string -> bool", ("bool('true')", True))
note("bytes", "The UTF-8 of text.", "string -> bytes", ("size(bytes('ä'))", 2))
note("type", "Its type.", "dyn -> type", ("type(1) == int", True))
note("dyn", "The value, with its type left open.", "dyn -> dyn", ("dyn(1) == 1", True))

note = DATES.note
note("timestamp", "The time that RFC 3339 text names, or of seconds since 1970.", ("string -> timestamp", "int -> timestamp"), ("timestamp('2026-01-01T00:00:00Z') < timestamp('2026-01-02T00:00:00Z')", True))
note("duration", "A span: 90s, 1.5h, 2h45m.", "string -> duration", ("timestamp('2026-01-01T00:00:00Z') + duration('90m') == timestamp('2026-01-01T01:30:00Z')", True))
for name, summary, value in (
    ("getFullYear", "The year", 2026), ("getMonth", "The month, from 0", 10), ("getDate", "The day of the month, from 1", 24), ("getDayOfMonth", "The day of the month, from 0", 23),
    ("getDayOfWeek", "The day of the week, from 0 for Sunday", 2), ("getDayOfYear", "The day of the year, from 0", 327), ("getHours", "The hour", 15), ("getMinutes", "The minute", 30),
    ("getSeconds", "The second", 5), ("getMilliseconds", "The millisecond", 250),
):  # fmt: skip
    note(name, f"{summary}, in UTC or in a zone.", ("timestamp -> int", "timestamp, string -> int"), (f"timestamp('2026-11-24T14:30:05.250Z').{name}('Europe/Berlin')", value), method=True)

ENCODINGS.note("base64.decode", "The bytes that base64 stands for.", "string -> bytes", ("string(base64.decode('aGk='))", "hi"))

note = OPTIONALS.note
note("orValue", "The value of an optional such as input.?name, or else this one.", "optional, dyn -> dyn", ("{'a': 1}.?b.orValue(2)", 2), method=True)
note("or", "This optional, or else the other.", "optional, optional -> optional", ("{'a': 1}.?b.or(optional.of(3)).value()", 3), method=True)
note("hasValue", "Whether it has a value.", "optional -> bool", ("{'a': 1}.?b.hasValue()", False), method=True)
note("value", "Its value; an error without one.", "optional -> dyn", ("{'a': 1}.?a.value()", 1), method=True)
note("optMap", "An optional of what an expression gives for its value.", "optional, name, expression -> optional", ("{'a': 1}.?a.optMap(n, n + 1).orValue(0)", 2), method=True)
note("optFlatMap", "The same for an expression that gives an optional.", "optional, name, expression -> optional", ("{'a': {'b': 1}}.?a.optFlatMap(x, x.?b).orValue(0)", 1), method=True)
note("optional.of", "An optional with a value.", "dyn -> optional", ("optional.of(1).value()", 1))
note("optional.none", "One without.", "-> optional", ("optional.none().hasValue()", False))
note("optional.ofNonZeroValue", "One with a value, unless that is empty, zero or null.", "dyn -> optional", ("optional.ofNonZeroValue('').hasValue()", False))
