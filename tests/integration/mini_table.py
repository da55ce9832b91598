"""What every answer to the miniature suite must come to: a row a task, a defect a row.

The suite has the layout of TritonBench and one task for each way in which its tests, prompts and
golds are known to go wrong. Four models answer it. ``right`` has right kernels; ``wrong`` has wrong
ones, most of which the published benchmark takes for right; ``lazy`` computes the right values with
PyTorch and launches nothing; ``odd`` answers a part of the tasks in the ways that real models do.
"""

from typing import NamedTuple


class Got(NamedTuple):
    """What one answer comes to."""

    call: str
    exec: str
    reason: str | None
    """That of the test of exec."""

    published_call: bool
    published_exec: bool | None
    """What the published benchmark's own definitions say."""


RIGHT = Got("passed", "passed", None, published_call=True, published_exec=True)
WRONG = RIGHT._replace(exec="failed", reason="wrong-values")
LAZY = RIGHT._replace(exec="failed", reason="not-triton")
VACUOUS = RIGHT._replace(exec="skipped", reason="vacuous")
UNSTABLE = RIGHT._replace(exec="skipped", reason="gold-unstable")
BROKEN = RIGHT._replace(exec="skipped", reason="gold-broken")


def uncalled(got: Got) -> Got:
    """The published benchmark cannot even call it."""
    return got._replace(published_call=False, published_exec=None)


def misprinted(got: Got) -> Got:
    """The published benchmark sees it print something else than the gold."""
    return got._replace(published_exec=False)


def failed(reason: str) -> Got:
    """It does not run to its end, for the published benchmark neither."""
    return uncalled(Got("failed", "skipped", reason, published_call=False, published_exec=None))


def refused(reason: str) -> Got:
    """There is nothing that could run."""
    return failed(reason)._replace(exec="failed")


MISSING = refused("missing")
# An answer that defines nothing: the test passes without it.
NEEDLESS = failed("no-entry-point")._replace(published_call=True, published_exec=True)


class Row(NamedTuple):
    """One task."""

    task: str
    """Channel and name."""

    defect: str
    right: Got = RIGHT
    wrong: Got = WRONG
    lazy: Got = LAZY
    odd: Got = MISSING


def same(task: str, defect: str, got: Got, odd: Got = MISSING) -> Row:
    """A task at which nothing tells one answer from another."""
    return Row(task, defect, got, got, got, odd)


PRINTS = (
    Row("G/prints_nothing", "the test prints nothing; odd: a fence is closed", odd=uncalled(RIGHT)),
    Row(
        "G/prints_random",
        "the test prints random values without a seed; odd: cut off inside of the wrapper",
        misprinted(RIGHT),
        misprinted(WRONG),
        misprinted(LAZY),
        failed("syntax-error"),
    ),
    Row(
        "G/gold_prints",
        "the gold prints, and who does not print the same is wrong; odd: prints the same",
        misprinted(RIGHT),
        misprinted(WRONG),
        misprinted(LAZY),
        RIGHT,
    ),
    Row(
        "T/prints_shape",
        "the test prints a shape; odd: one element too few",
        odd=misprinted(RIGHT._replace(exec="failed", reason="wrong-shape")),
    ),
)

INPUTS = (
    Row(
        "G/random_inputs",
        "inputs drawn without a seed; right: draws numbers itself; odd: fails at the second input",
        odd=failed("exception"),
    ),
    Row("G/seed_in_gold", "the seed of the inputs stands in the gold's half"),
    Row(
        "G/literal_inputs",
        "literal inputs only; wrong: spoils its input; odd: knows the result by heart, which no "
        "comparison with a gold can tell",
        wrong=WRONG._replace(reason="input-changed"),
        odd=RIGHT,
    ),
    Row("G/empty_inputs", "the test takes torch.empty for input"),
    Row("G/second_device", "the test is written for cuda:1"),
    Row(
        "T/cpu_tensors",
        "CPU tensors only; right: moves them to the GPU; odd: does not, which no GPU can run",
        odd=failed("exception"),
    ),
    Row(
        "G/inputs_inside",
        "the wrapper draws the inputs itself; odd: draws them from another distribution",
        odd=WRONG,
    ),
    Row(
        "G/borrowed_imports",
        "the test has no import of its own; odd: has no name torch to lend it",
        odd=uncalled(RIGHT),
    ),
)

ANYTHING_PASSES = (
    Row(
        "G/swallows_failures",
        "the test swallows exceptions; wrong: always raises one; odd: defines nothing",
        wrong=WRONG._replace(reason="wrong-structure"),
        odd=NEEDLESS,
    ),
    Row(
        "T/exception_to_text",
        "the test turns exceptions into text; wrong: always raises one; odd: defines nothing",
        wrong=WRONG._replace(reason="wrong-structure"),
        odd=NEEDLESS,
    ),
    Row("G/never_called", "nobody calls the test; odd: defines nothing", odd=NEEDLESS),
    same("G/redefines_kernel", "the test redefines the kernel; odd: nothing", VACUOUS, VACUOUS),
    same("T/leaked_reference", "the test calls its own reference; odd: nothing", VACUOUS, VACUOUS),
    Row("T/builtin_name", "Python has a function of this name; odd: defines nothing", odd=NEEDLESS),
)

LITTLE_TO_SEE = (
    Row("G/all_none", "all results are None; odd: writes into a copy", odd=WRONG),
    same("G/none_to_see", "all results are None and nothing is changed", VACUOUS),
    Row("G/shape_only", "the test keeps only the shape of a result"),
    same("G/shape_from_wrapper", "the wrapper returns nothing but a shape", VACUOUS),
    Row("G/booleans_only", "the test keeps only whether the result is finite"),
    Row("G/texts_only", "the test keeps only a line of text"),
    Row("T/numbers_only", "the wrapper returns a Python number"),
    Row("T/tiny_output", "the output has a single element"),
    Row("G/aliased_results", "all cases share one result; wrong: in the first case only"),
)

PROMPTS = (
    Row("G/unnamed_entry", "no prompt names the entry", odd=failed("no-entry-point")),
    Row(
        "T/other_signature",
        "the test calls it otherwise than the prompt says; odd: does as the prompt says",
        odd=failed("exception"),
    ),
    Row("T/own_import", "the test imports the answer from a file of the task's name"),
)

GOLDS = (
    same("G/gold_segfaults", "the gold dies of a segmentation fault", BROKEN),
    same("G/gold_hangs", "the gold does not come to its end", BROKEN),
    same("G/gold_raises", "the gold uses a name that is nowhere defined", BROKEN),
    same("G/gold_reads_outside", "the gold's result hangs on what lies behind its input", UNSTABLE),
    Row("G/gold_overreads", "the gold reads behind its input and shows nothing of it"),
    same("G/gold_all_fresh", "the gold returns memory that nobody has written", UNSTABLE),
    same("G/gold_mostly_fresh", "the gold writes one element in five", UNSTABLE),
    Row(
        "G/gold_partly_fresh",
        "the gold leaves one element in five out; odd: something else at that element",
        odd=RIGHT,
    ),
)

PROPERTY = WRONG._replace(reason="wrong-property")
SPECIAL = (
    Row(
        "G/seeded_dropout",
        "random output; right: other random numbers; wrong: not scaled; odd: drops everything",
        wrong=PROPERTY,
        odd=PROPERTY,
    ),
    Row(
        "T/qr",
        "free signs; right: all turned; wrong: Q of length 2; odd: the signs of R alone turned",
        wrong=PROPERTY,
        odd=PROPERTY,
    ),
    Row("G/in_place", "works in place; wrong: returns the right values in a new tensor"),
    Row("T/out_argument", "the result is an argument; wrong: leaves it as it is"),
    Row("T/not_finite", "NaN and infinity in the output; wrong: zeros instead"),
    Row("T/only_nan", "nothing but NaN in the output; wrong: writes nothing at all"),
    Row("T/only_true", "nothing but True in the output; wrong: writes nothing at all"),
    Row(
        "T/no_elements",
        "an output without elements; wrong: in another shape",
        wrong=WRONG._replace(reason="wrong-shape"),
    ),
    same("T/only_empty", "no output with any elements", VACUOUS),
)

FORMS = (
    Row(
        "G/class_and_constant",
        "upstream's reading of an answer loses its classes and constants",
        uncalled(RIGHT),
        uncalled(WRONG),
        uncalled(LAZY),
    ),
    Row(
        "G/autograd_function",
        "an autograd.Function, which upstream loses too; wrong: in the gradient alone",
        uncalled(RIGHT),
        uncalled(WRONG),
        uncalled(LAZY),
    ),
    Row("T/module", "an nn.Module"),
    Row(
        "G/launched_by_test",
        "the test launches the kernel; lazy: a class that upstream loses; odd: a wrapper",
        lazy=uncalled(LAZY),
        odd=failed("exception"),
    ),
)

ODD = (
    Row("T/continued", "the answer goes on with the prompt", odd=uncalled(RIGHT)),
    Row("T/thinking", "the answer thinks aloud, and its fence is closed", odd=uncalled(RIGHT)),
    Row("T/open_fence", "the fence of the answer is not closed", odd=RIGHT),
    Row("T/prose_around", "prose around code without fences", odd=uncalled(RIGHT)),
    Row("T/two_blocks", "kernel and wrapper in two fenced blocks", odd=uncalled(RIGHT)),
    Row("T/truncated", "the answer is cut off", odd=failed("syntax-error")),
    Row("T/prose_only", "the answer has no code", odd=refused("no-code")),
    Row("T/says_nothing", "the answer is blank", odd=refused("empty")),
    Row("T/idle_launch", "a kernel is launched and its result not used", odd=LAZY),
    Row("T/second_answer", "a wrong answer, and a right one after it", odd=WRONG),
    Row("T/no_answer", "there is no answer", odd=MISSING),
    Row("T/hangs", "the answer does not come to its end", odd=failed("hang-in-python")),
    Row("T/exits", "the answer ends its process as if all were well", odd=failed("exit")),
)

TABLE = (
    *(*PRINTS, *INPUTS, *ANYTHING_PASSES, *LITTLE_TO_SEE),
    *(*PROMPTS, *GOLDS, *SPECIAL, *FORMS, *ODD),
)
