"""What must come back: each function makes an expectation, which is (answers waited for, whether the connection must
end, a check that returns what is wrong or None)."""


def _reply_fault(reply):
    return reply.fault and f"malformed: {reply.fault}"


def answers(*statuses, ends=False, check=None):
    """Exactly these answers, each a status or a set of them; `check(answers)` looks further."""
    wanted = [status if isinstance(status, (set, range)) else {status} for status in statuses]

    def judge(reply):
        got = reply.statuses()
        if _reply_fault(reply):
            return _reply_fault(reply)
        if len(got) != len(wanted) or any(s not in w for s, w in zip(got, wanted)):
            return f"got {reply}"
        if ends and not reply.ended:
            return "the connection is still open"
        return check(reply.answers) if check else None
    return len(wanted), ends, judge


OK = {200}
ERROR = set(range(400, 600))
FINAL = set(range(200, 600))
BELOW_500 = set(range(200, 500))


def refuse(*statuses):
    """One error answer, of these statuses if any are given, and the end of the connection."""
    allowed = set(statuses) or ERROR

    def judge(reply):
        if _reply_fault(reply):
            return _reply_fault(reply)
        if len(reply.answers) != 1 or reply.statuses()[0] not in allowed or not reply.ended:
            return f"got {reply}"
        return None
    return 1, True, judge


def refuse_or_cut(*statuses):
    """As refuse, or the end of the connection without an answer: nothing is read behind it."""
    _, _, inner = refuse(*statuses)

    def judge(reply):
        return None if not reply.answers and reply.ended and not reply.data else inner(reply)
    return 1, True, judge


def at_most_one_then_end():
    """No more than one answer and the end of the connection: whatever it made of the message, nothing behind it is
    read as a request."""
    def judge(reply):
        if len(reply.answers) > 1 or not reply.ended:
            return f"got {reply}"
        return _reply_fault(reply)
    return 1, True, judge


def either(*expectations):
    def judge(reply):
        faults = [e[2](reply) for e in expectations]
        return None if None in faults else faults[0]
    return max(e[0] for e in expectations), all(e[1] for e in expectations), judge


def ignored_or_refused(count=1):
    """`count` answers below 500, or a refusal: the RFC leaves both."""
    return either(answers(*[BELOW_500] * count), refuse_or_cut())
