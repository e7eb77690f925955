"""The behaviours that the project promises, each shown by a test with its mark.

A test bears `@pytest.mark.requirement("PAID-1")`; `test_requirements.py` ties both ways. A new
promise is a line here, at the end of its area, and a mark on the test that shows it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Requirement:
    """A promised behaviour.

    Attributes:
        id: Its area and its number there.
        source: The page on which a user finds the promise.
        sentence: The promise.
    """

    id: str
    source: str
    sentence: str


def _numbered(area: str, source: str, *sentences: str) -> tuple[Requirement, ...]:
    return tuple(
        Requirement(f"{area}-{number}", source, sentence)
        for number, sentence in enumerate(sentences, 1)
    )


REQUIREMENTS = (
    *_numbered(
        "PAID",
        "README, four promises: nothing paid for is lost; docs/design/005 and 008",
        "A reply is in the journal before anything reads it, whatever is in it.",
        "A run cut after any of its records resumes to its end and repeats no finished call.",
        "Of the explores that a dead process left, only those without a reply are made again.",
        "Two processes that resume one run at once make its calls once.",
        "A candidate that is malformed or breaks the schema is a failed candidate with its cost.",
        "Every way out of every way in keeps the paid candidates and tells one cause.",
        "A process ends although its journal is locked, and names the run that lacks records.",
        "A disk that fills up is reported once, with the way to go on.",
        "Journals of versions 1 and 2 open, and their runs resume without repeating calls.",
        "A run is exported and shown elsewhere as it was.",
        "An answer that cannot be written to its file or pipe is kept in the journal.",
        "Damaged rows of a journal leave the other runs usable.",
        "A cancelled run goes on and repeats no finished call.",
        "A process that lost its run to another drops its calls and changes nothing of it.",
        "Identical calls at once, of one server or several, share one run.",
        "A call that its client cut off and repeats goes on with its run and repeats no call.",
        "An answer that nobody received is handed over once to an identical call.",
        "A fresh call, and one with another limit, have runs of their own.",
        "An `explore` that is repeated word for word after a cut goes on with its run.",
    ),
    *_numbered(
        "MONEY",
        "README, four promises: money is never spent unasked or past its cap; notes 003, 011",
        "A run that a dead process left spends nothing until someone resumes it.",
        "Spending stays below the cap, whatever the orchestrator asks for.",
        "No order of calls passes a limit: money is held before a call and settled after it.",
        "The amount held covers the most that a call can cost.",
        "A call whose outcome is unknown counts with its whole hold.",
        "A call that may have been billed is not repeated without money for both.",
        "A cap in dollars with a model of unknown price is a configuration error.",
        "A cap for the day holds over all processes of a home.",
        "Where the day's cap is used up, no run starts.",
        "A cap holds over all explores that a client gathers under one run.",
        "Explores that the money does not cover are skipped, and the synthesis is paid.",
        "The limits of a run can be raised and never lowered.",
        "A user who declines to resume a task spends nothing.",
        "The tokens are the API's own count, and the cost is the list price.",
        "A price that is not known is null and never zero, and so is a sum with it.",
        "The tokens of a call that was stopped are counted.",
        "A request that was cancelled starts no new call.",
        "The amount held covers all that any workflow sends.",
    ),
    *_numbered(
        "HANG",
        "README, four promises: nothing hangs; docs/design/010",
        "A solver that stalls past the time limit leaves an answer from the others.",
        "A run whose solvers all stall ends and says why.",
        "A stream without an end is given up.",
        "A tool call answers within its wait: with the result, or with the evidence so far.",
        "Calls in flight get a bounded grace when their client has gone.",
        "Cancelling a run aborts its calls at once, whatever grace there is.",
        "Progress rises with every message and names the worker, the time and the cost.",
        "A run beyond the number of runs at once has its id at once and waits on record.",
        "A file that never ends is not waited for.",
        "A second signal ends the server without waiting for calls in flight.",
        "Half-sent requests neither keep a server from ending nor fill its log.",
        "An orchestrator that keeps asking for unaffordable explores comes to an end.",
        "A client that gave up two calls after the same time is answered before the third.",
        "A client that gave up one call is waited with as before.",
    ),
    *_numbered(
        "GONE",
        "README, runs that outlive their client; docs/design/017",
        "A run whose caller was told that it goes on is finished though its server is killed.",
        "A run whose caller waits is stopped once its server is gone, and keeps what arrives.",
        "When a server is gone and its promises are kept, no process of it is left.",
        "A driver that dies leaves its runs interrupted; the next one resumes them when asked.",
        "A signal ends a driver, and leaves its runs with what has arrived.",
        "A driver shares no stream and no session with its server.",
        "A server that is the first process of a container stays until promised runs have ended.",
        "Promises end with their server where `when_client_leaves` says so.",
        "A caller is promised no more than the process can keep.",
        "A promised run goes on when another of its callers is cut off.",
        "A driver loads all that a run may need before its first call to a model.",
        "A server with a driver loads no vendor's library.",
        "Calls in flight get their grace from a driver without a server.",
    ),
    *_numbered(
        "SEEN",
        "README, four promises: you can see the evidence; docs/design/012",
        "A solver sees the problem and its own action, and no other candidate.",
        "The agreement groups candidates by answer and names their solvers.",
        "A warning says that all candidates took one approach, or that there is only one.",
        "No supported answer is a result: `answered` with a null answer.",
        "An answer below the floor of its explore effort is sent back.",
        "Candidates that disagree are no answer when the orchestrator fails.",
        "An interrupted run shows the evidence that it has.",
        "An explore by a client carries each justification, in text and in structure.",
        "A poll tells what is new, and of each explore once.",
        "A solver that does not answer is named to the orchestrator.",
        "A text of a candidate forges no line, tag or other candidate.",
        "Only independent candidates count for the agreement; remarks on them are shown.",
        "Agreement by the orchestrator's judgement is told apart from agreement by rule.",
    ),
    *_numbered(
        "CLI",
        "README, the command line; `atlas-mcp --help`",
        "The answer alone is on stdout; progress and errors are on stderr.",
        "`--json` prints one RunView and nothing else.",
        "`runs list --json` prints one object a line.",
        "A run without an answer ends with exit code 1 and says why.",
        "Usage and configuration errors end with exit code 2 and take one line.",
        "An interrupted solve ends with exit code 130 and keeps its candidates.",
        "Every command's help is reviewed text.",
        "`explore` prints the candidates that it gathered.",
        "`runs resume` goes on with an interrupted run.",
        "`runs cancel` stops a run that another process drives.",
        "`runs prune` removes no run that is going, and nothing without a yes.",
        "`solvers` lists the pool, for people and for programs.",
        "`models pull` fetches a file of the hub; `list` and `rm` know it.",
        "Nothing that a model writes steers a terminal.",
        "A near miss of an option is named.",
        "`runs list` names the runs that go on though their server is gone.",
    ),
    *_numbered(
        "CONF",
        "README and docs/models.md, configuration",
        "With nothing configured the defaults hold.",
        "The environment beats the file, and the file beats the default.",
        "Every scalar of the file has a variable `ATLAS_SECTION_KEY`.",
        "An error names the variable or key and the accepted values.",
        "Without a key the error names three ways on.",
        "A key is read from the variable that its entry names, and shown nowhere.",
        "Each endpoint gets its own key and no other.",
        "No part of an endpoint's answer gives a key away.",
        "The example of the contract is accepted.",
        '`profile = "paper"` has the settings of the paper.',
        "A slip in a variable's name is reported with the right name.",
    ),
    *_numbered(
        "TOOL",
        "README, the MCP tools; snapshots of the tools",
        "The tools are those that were reviewed.",
        "The list of tools costs a context under 5,000 characters.",
        "A result fits the output schema of its tool.",
        "Absent, null and empty arguments mean the same.",
        "A near miss of an argument is refused with the right name.",
        "Arguments that clients add by themselves are ignored.",
        "Explores gather under the run id that is passed back.",
        "`get_run` without an id shows the newest run.",
        "`resume_run` makes an answered run go on under a larger ceiling.",
        "An answered solve is short in text and in structure.",
        "A typed answer keeps its type.",
        "Runs and the pool can be read as resources.",
        "The prompt makes the client the orchestrator.",
        "A client that declares tasks gets a handle at once.",
        "The handshake is answered before a vendor's library is imported.",
        "A page of another site is not let in over HTTP.",
        "A client that subscribes to a run is told of its changes, whichever process drives it.",
    ),
    *_numbered(
        "APP",
        "docs/design/026, the page in the chat",
        "The tool of the page stands in the lists of hosts that draw MCP Apps, and in no other.",
        "The page in the chat names no address that it needs.",
        "The prompt `solve` makes the client delegate and report the evidence.",
        "Run ids, solvers and strategies are completed.",
    ),
    *_numbered(
        "PAGES",
        "README, pages; docs/design/025",
        "A run that goes on is shown live, whichever process drives it.",
        "A page of another origin reads and changes nothing.",
        "A host name that was led here reads and changes nothing.",
        "A request that changes a run carries the token of the process, known to its pages alone.",
        "A page runs its own scripts, and asks nothing of any other address.",
        "An action with bad input is refused before anything is spent.",
        "A closed tab stops no run.",
        "`view` ends within seconds after a signal, and names the runs that can be resumed.",
    ),
    *_numbered(
        "FIND",
        "README, on the command line; docs/design/028",
        "A run is found by the words of its problem and its answers, its models and its id.",
        "Nothing in a search is a command, and no search fails.",
        "A removed run is neither found nor counted.",
        "A damaged index harms no run and is made anew.",
        "Programs of the version before use a journal with an index as before.",
        "Shares of explores on the winning side stand beside their counts.",
    ),
    *_numbered(
        "VIEW",
        "README, RunView; snapshots",
        "RunView has the contract's fields in their order.",
        "`status` and `stop_reason` take the contract's words.",
        "Every field is always there in `--json`.",
        "A failed candidate has an error and nulls.",
        "The view is the same after a fold of the run's records.",
        "A run that goes on has nulls and says what to call next.",
    ),
    *_numbered(
        "ERR",
        "AGENTS.md and docs/design/008, errors",
        "Bad input names its argument and reaches no model.",
        "A bug is logged once with its traceback and shown without its words.",
        "The failure of one solver leaves an answer from the others.",
        "The failure of every solver is a clear end and never an answer.",
        "A failed run is an error that carries its evidence.",
        "An unknown run is named by every tool that takes one.",
        "A bad configuration is told in each tool result, and the server starts.",
        "One cause of several failures is told once.",
    ),
)
