"""Clocks of a ticket, rule by rule: each test is a short history and what must be said of it."""

from __future__ import annotations

import pytest

from app.sla.policy import BadPolicy, Escalation, Policy, PolicyVersion, Refusal, Target, match_policy
from app.sla.replay import SlaClock
from tests.sla.histories import (
    CALENDARS,
    HOUR,
    agent,
    created,
    customer,
    event,
    june,
    numbered,
    replayed,
    run,
    states,
    status,
)

ASKED = created("1 10:00")
ANSWERED = (ASKED, agent("1 11:00"))


# what counts as a response (R1 to R4)


@pytest.mark.parametrize(
    "facts",
    [
        {"public": False},
        {"auto": True},
        {"author": "system"},
        {"author": "customer"},
        {"author": "participant"},
        {"is_requester": True},  # an agent's own request
    ],
)
def test_only_a_public_message_of_a_human_agent_answers(facts):
    assert run("first_response", "1 11:30", ASKED, agent("1 11:00", **facts)).state == "running"


def test_an_answer_is_in_time_until_the_due_instant_and_late_a_second_after():
    assert run("first_response", "2 10:00", ASKED, agent("1 12:00")).state == "met"
    late = run("first_response", "2 10:00", ASKED, agent("1 12:01"))
    assert (late.state, late.breached_at, late.fulfilled_at) == ("breached", june("1 12:00"), june("1 12:01"))
    assert run("first_response", "1 12:00", ASKED).state == "running"
    assert run("first_response", "1 12:01", ASKED).state == "breached"


def test_after_closing_on_the_due_day_is_late_though_no_working_time_passed():
    late = run("first_response", "2 08:00", created("1 15:00"), agent("1 18:00"))
    assert (late.state, late.due_at, late.elapsed) == ("breached", june("1 17:00"), 2 * HOUR)


@pytest.mark.parametrize(
    ("facts", "asked"),
    [
        ({"by": "agent", "first_message": "customer"}, True),  # on the phone
        ({"by": "agent", "first_message": "internal"}, True),
        ({"by": "agent", "first_message": "agent_public"}, False),
    ],
)
def test_a_first_response_is_owed_unless_the_agent_wrote_first(facts, asked):
    sla = replayed("1 11:00", created("1 10:00", **facts))
    assert (sla.latest("first_response") is not None) == asked
    assert (sla.latest("periodic_update") is not None) == (not asked)


def test_an_outbound_ticket_owes_a_next_response_to_the_answer():
    reply = run(
        "next_response",
        "1 12:00",
        created("1 10:00", by="agent", first_message="agent_public"),
        customer("1 11:00"),
    )
    assert (reply.started_at, reply.due_at) == (june("1 11:00"), june("1 14:00"))


def test_the_oldest_unanswered_message_counts_and_only_after_the_first_response():
    history = [ASKED, customer("1 10:30"), agent("1 11:00"), customer("1 12:00"), customer("1 14:00")]
    assert run("next_response", "1 14:30", *history).started_at == june("1 12:00")
    assert states("next_response", "1 10:45", *history) == []
    history += [agent("1 14:30"), customer("1 15:00", author="participant", is_requester=False)]
    assert states("next_response", "1 16:00", *history) == ["met", "running"]
    assert states("next_response", "2 12:00", *history) == ["met", "breached"]


def test_a_guest_owes_the_proof_first():
    guest = created("1 10:00", proved=False)
    assert replayed("1 15:00", guest).runs == ()
    proved = (guest, event("2 10:00", "proved"))
    assert run("first_response", "2 10:30", *proved).due_at == june("2 12:00")
    assert run("resolution", "2 10:30", *proved).started_at == june("2 10:00")
    early = (guest, agent("1 11:00"), *proved[1:])
    assert (
        run("first_response", "2 10:30", *early).state,
        run("first_response", "2 10:30", *early).elapsed,
    ) == ("met", 0)


def test_updates_are_owed_from_each_answer_to_the_next():
    history = (*ANSWERED, agent("1 16:00"), status("2 10:00", "solved"))
    assert states("periodic_update", "1 15:00", *history) == ["running"]
    assert states("periodic_update", "2 09:00", *history) == ["met", "running"]
    assert states("periodic_update", "2 11:00", *history) == ["met", "met"]


# pauses (R5)

WAITING = (*ANSWERED, status("1 11:00", "pending"))


def test_a_pause_has_no_due_time_but_a_remaining_time():
    paused = run("resolution", "1 12:00", *WAITING)
    assert (paused.state, paused.due_at, paused.remaining, paused.warn_at) == (
        "paused",
        None,
        15 * HOUR,
        None,
    )
    sla = replayed("1 12:00", *WAITING)
    assert (sla.next_due_at, sla.next_breach_at, sla.next_warning_at, sla.least_remaining) == (
        None,
        None,
        None,
        8 * HOUR,
    )


def test_only_working_time_counts_as_a_pause():
    resumed = run("resolution", "2 12:00", *WAITING, customer("2 10:00"), status("2 10:00", "open"))
    assert (resumed.paused, resumed.elapsed, resumed.due_at) == (7 * HOUR, 3 * HOUR, june("3 17:00"))


def test_statuses_that_pause_are_the_policys_choice():
    held = (created("1 10:00", policy="pausing"), status("1 11:00", "on_hold"))
    assert run("resolution", "1 12:00", *held).state == "paused"
    assert run("first_response", "1 11:30", *held).state == "running"
    assert run("resolution", "1 12:00", ASKED, status("1 11:00", "on_hold")).state == "running"
    assert (
        run("resolution", "1 12:00", created("1 10:00", policy="total"), status("1 11:00", "pending")).state
        == "running"
    )


def test_from_one_pausing_status_to_another_the_pause_goes_on():
    history = (
        created("1 10:00", policy="pausing"),
        status("1 11:00", "pending"),
        status("1 12:00", "on_hold"),
    )
    assert run("resolution", "1 13:00", *history).paused == 2 * HOUR


def test_an_answer_during_a_pause_is_in_time():
    history = (created("1 10:00", policy="pausing"), status("1 11:00", "pending"), agent("3 16:00"))
    answered = run("first_response", "4 10:00", *history)
    assert (answered.state, answered.elapsed, answered.due_at) == ("met", HOUR, june("3 17:00"))


def test_a_breach_before_the_pause_stays():
    history = (ASKED, status("3 12:00", "pending"))
    overdue = run("resolution", "4 12:00", *history)
    assert (overdue.state, overdue.due_at, overdue.fulfilled_at, overdue.waiting) == (
        "breached",
        june("3 10:00"),
        None,
        True,
    )
    assert (
        replayed(
            "4 12:00", ASKED, agent("1 11:00"), status("3 12:00", "pending"), agent("3 13:00")
        ).next_due_at
        is None
    )


def test_a_pause_that_begins_at_the_due_instant_leaves_nothing_and_breaks_nothing():
    history = (ASKED, status("3 10:00", "pending"))
    assert (
        run("resolution", "4 12:00", *history).state,
        run("resolution", "4 12:00", *history).remaining,
    ) == ("paused", 0)
    resumed = run("resolution", "4 14:00", *history, status("4 13:00", "open"))
    assert (resumed.state, resumed.due_at, resumed.breached_at) == (
        "breached",
        june("4 13:00"),
        june("4 13:00"),
    )


def test_a_ticket_may_begin_paused_or_solved():
    assert run("resolution", "1 12:00", created("1 10:00", status="pending")).remaining == 16 * HOUR
    solved = replayed("1 12:00", created("1 10:00", status="closed"))
    assert [(one.metric, one.state, one.elapsed) for one in solved.runs] == [
        ("resolution", "met", 0),
        ("first_response", "met", 0),
    ]


# solving and reopening (R6, R7)


def test_solving_ends_everything_and_closing_changes_nothing():
    history = (*ANSWERED, customer("1 12:00"), status("1 13:00", "solved"), status("9 12:00", "closed"))
    sla = replayed("10 12:00", *history)
    assert {one.metric: one.state for one in sla.runs} == dict.fromkeys(
        ("first_response", "next_response", "periodic_update", "resolution"), "met"
    )
    assert run("resolution", "10 12:00", *history).fulfilled_at == june("1 13:00")
    assert (sla.next_due_at, sla.next_breach_at, sla.next_warning_at, sla.next_metric) == (None,) * 4


def test_solving_out_of_a_pause_is_in_time():
    solved = run("resolution", "9 12:00", *WAITING, status("8 10:00", "solved"))
    assert (solved.state, solved.elapsed, solved.due_at) == ("met", HOUR, june("9 17:00"))


SOLVED = (*ANSWERED, status("1 12:00", "solved"))


def test_reopening_resumes_with_what_was_left_and_solved_time_is_nothing():
    reopened = replayed("3 12:00", *SOLVED, customer("3 10:00"), status("3 10:00", "open"))
    resolution = reopened.latest("resolution")
    assert (resolution.due_at, resolution.elapsed, resolution.paused) == (june("4 16:00"), 4 * HOUR, 0)
    assert reopened.latest("next_response").due_at == june("3 13:00")
    assert reopened.latest("first_response").state == "met"
    assert reopened.latest("periodic_update").started_at == june("3 10:00")


def test_an_agents_reopening_owes_no_answer_and_a_message_while_solved_waits_for_the_reopening():
    assert states("next_response", "3 12:00", *SOLVED, status("3 10:00", "open")) == []
    assert states("next_response", "3 12:00", *SOLVED, customer("3 10:00")) == []
    answered = (*SOLVED, customer("3 10:00"), agent("3 10:30"))
    assert states("periodic_update", "3 10:45", *answered) == ["met"]
    assert states("next_response", "3 12:00", *answered, status("3 11:00", "open")) == []
    twice = (
        *SOLVED,
        customer("3 10:00"),
        status("3 11:00", "open"),
        status("3 12:00", "solved"),
        status("3 13:00", "open"),
    )
    assert states("next_response", "3 14:00", *twice) == ["met"]
    later = run("next_response", "3 12:00", *SOLVED, customer("3 10:00"), status("3 11:00", "open"))
    assert (later.started_at, later.due_at, later.elapsed) == (june("3 10:00"), june("3 14:00"), HOUR)


def test_solving_without_an_answer_stops_the_first_response_until_the_reopening():
    history = (ASKED, status("1 11:00", "solved"), customer("2 10:00"), status("2 10:00", "open"))
    stopped = run("first_response", "1 16:00", *history)
    assert (stopped.state, stopped.fulfilled_at) == ("met", june("1 11:00"))
    resumed = run("first_response", "2 10:30", *history)
    assert (resumed.state, resumed.fulfilled_at, resumed.due_at) == ("running", None, june("2 11:00"))
    assert states("next_response", "2 10:30", *history) == []


def test_a_late_first_solution_stays_late():
    history = (*ANSWERED, status("4 10:00", "solved"), status("5 10:00", "open"), status("5 11:00", "solved"))
    for now in ("4 12:00", "5 10:30", "5 12:00"):
        assert run("resolution", now, *history).state == "breached"
    lowered = (*history[:-1], event("5 10:30", "priority", to="low"))
    late = run("resolution", "5 11:00", *lowered)
    assert (late.state, late.due_at) == ("breached", june("3 10:00"))
    without = (*lowered, event("5 10:45", "policy", to=None))
    assert run("resolution", "5 11:00", *without).state == "none"
    assert run("resolution", "5 11:00", *without, event("5 10:50", "policy", to="office")).state == "running"


def test_a_policy_may_start_anew_after_reopening():
    history = (
        created("1 10:00", policy="restart"),
        agent("1 11:00"),
        status("1 12:00", "solved"),
        status("2 10:00", "open"),
    )
    assert states("resolution", "2 12:00", *history) == ["met", "running"]
    assert run("resolution", "2 12:00", *history).due_at == june("4 10:00")


# other terms (R8 to R11)


def test_another_priority_keeps_start_elapsed_and_pauses():
    raised = run(
        "resolution",
        "2 12:00",
        *WAITING,
        status("2 10:00", "open"),
        event("2 11:00", "priority", to="urgent"),
    )
    assert (raised.elapsed, raised.paused, raised.due_at) == (3 * HOUR, 7 * HOUR, june("2 13:00"))


def test_raised_too_late_is_missed_at_that_moment():
    late = run("first_response", "1 11:00", ASKED, event("1 10:45", "priority", to="urgent"))
    assert (late.state, late.due_at, late.breached_at) == ("breached", june("1 10:30"), june("1 10:45"))


def test_raised_during_a_pause_beyond_what_already_ran():
    history = (*ANSWERED, status("1 16:00", "pending"), event("2 10:00", "priority", to="urgent"))
    late = run("resolution", "2 12:00", *history)
    assert (late.state, late.due_at, late.breached_at) == ("breached", june("1 14:00"), june("2 10:00"))


def test_lowered_the_breach_is_withdrawn_and_stays_on_record():
    history = (created("1 10:00", priority="urgent"), event("2 10:00", "priority", to="normal"))
    sla = replayed("2 11:00", *history)
    assert sla.latest("resolution").state == "running"
    withdrawn = [breach for breach in sla.breaches if breach.metric == "resolution"]
    assert [(breach.due_at, breach.superseded_at) for breach in withdrawn] == [
        (june("1 14:00"), june("2 10:00"))
    ]
    answer = [breach for breach in sla.breaches if breach.metric == "first_response"]
    assert [(breach.due_at, breach.superseded_at is None) for breach in answer] == [
        (june("1 10:30"), False),
        (june("1 12:00"), True),
    ]


def test_there_and_back_a_breach_is_one_row_with_its_first_instant():
    history = (ASKED, event("1 13:00", "priority", to="urgent"), event("1 14:00", "priority", to="normal"))
    (true,) = [
        breach
        for breach in replayed("1 15:00", *history).breaches
        if breach.metric == "first_response" and breach.superseded_at is None
    ]
    assert (true.due_at, true.breached_at) == (june("1 12:00"), june("1 12:00"))
    rows = [
        breach.due_at
        for breach in replayed("1 15:00", *history).breaches
        if breach.metric == "first_response"
    ]
    assert sorted(rows) == [june("1 10:30"), june("1 12:00")]


def test_no_target_no_clock_and_finished_ones_are_never_judged_again():
    lowered = (ASKED, event("1 10:30", "priority", to="low"))
    assert run("first_response", "1 15:00", *lowered).state == "none"
    assert run(
        "first_response", "1 15:00", *lowered, event("1 14:00", "priority", to="normal")
    ).breached_at == june("1 14:00")
    assert (
        run(
            "first_response", "1 15:00", *lowered, agent("1 13:00"), event("1 14:00", "priority", to="normal")
        ).state
        == "none"
    )
    met = (ASKED, agent("1 11:00"), event("1 14:00", "priority", to="urgent"))
    assert run("first_response", "1 15:00", *met).state == "met"


def test_another_policy_counts_by_its_calendar_from_the_start_and_none_by_nothing():
    moved = run(
        "resolution", "2 08:00", created("1 16:00"), event("2 07:00", "customer_changed", to="always")
    )
    assert (moved.elapsed, moved.due_at) == (16 * HOUR, june("2 08:00"))
    nothing = replayed("9 12:00", ASKED, event("1 11:00", "policy", to=None))
    assert {one.state for one in nothing.runs} == {"none"}
    assert (nothing.next_due_at, nothing.next_breach_at, nothing.breaches) == (None, None, ())
    back = run(
        "resolution",
        "2 12:00",
        ASKED,
        event("1 11:00", "policy", to=None),
        event("1 12:00", "policy", to="office"),
    )
    assert (back.state, back.due_at) == ("running", june("3 10:00"))


def test_a_ticket_without_a_policy_remembers_for_the_one_that_comes():
    history = (created("1 10:00", policy=None), status("1 11:00", "pending"), status("1 13:00", "open"))
    assert {one.state for one in replayed("9 12:00", *history).runs} == {"none"}
    told = run("resolution", "1 16:00", *history, event("1 15:00", "policy", to="office"))
    assert (told.elapsed, told.paused) == (4 * HOUR, 2 * HOUR)


def test_a_policy_that_pauses_otherwise_decides_from_its_first_moment():
    history = (
        created("1 10:00", policy="total"),
        status("1 11:00", "pending"),
        event("1 12:00", "policy", to="office"),
    )
    paused = run("resolution", "1 13:00", *history)
    assert (paused.state, paused.elapsed, paused.paused) == ("paused", 2 * HOUR, HOUR)


def test_an_edited_policy_is_for_new_tickets_unless_applied():
    assert (
        run(
            "resolution", "1 12:00", ASKED, event("1 11:00", "policy_edit", to="half", apply_to_open=False)
        ).target
        == 16 * HOUR
    )
    edited = run(
        "first_response", "1 12:00", ASKED, event("1 10:30", "policy_edit", to="half", apply_to_open=True)
    )
    assert (edited.due_at, edited.breached_at, edited.policy) == (june("1 11:00"), june("1 11:00"), "half")


def test_a_corrected_calendar_moves_running_clocks_and_leaves_finished_ones():
    correction = event("3 09:30", "calendar_edit", calendar="office", to="office, 2nd closed")
    history = (ASKED, agent("2 12:00"), correction)
    assert run("resolution", "3 12:00", *history).due_at == june("4 10:00")
    answered = run("first_response", "3 12:00", *history)
    assert (answered.state, answered.elapsed) == ("breached", 10 * HOUR)
    back = event("3 09:45", "calendar_edit", calendar="office, 2nd closed", to="office")
    assert run("resolution", "3 12:00", *history, back).due_at == june("3 10:00")


# merging and leaving (R12, R13)


def test_a_merged_ticket_leaves_nothing_open_and_keeps_what_was_missed():
    merged = replayed("9 12:00", *ANSWERED, customer("1 11:30"), event("2 10:00", "merged_into", ticket=9))
    assert {one.metric: one.state for one in merged.runs} == {
        "first_response": "met",
        "next_response": "breached",
        "periodic_update": "cancelled",
        "resolution": "cancelled",
    }
    assert (merged.next_due_at, merged.next_breach_at, merged.least_remaining) == (None, None, None)
    assert not any(one.open for one in merged.runs)
    assert states("resolution", "9 12:00", ASKED, event("9 10:00", "deleted")) == ["cancelled"]
    assert states(
        "resolution", "9 12:00", ASKED, event("1 12:00", "disposal", to="spam"), agent("1 13:00")
    ) == ["cancelled"]


def test_the_survivor_answers_for_the_age_of_the_other_request():
    def merge(since):
        return event("1 15:00", "merged_from", ticket=9, unanswered_since=since and june(since))

    assert run("next_response", "1 15:30", *ANSWERED, customer("1 14:00"), merge("1 13:00")).due_at == june(
        "1 16:00"
    )
    younger = run("next_response", "1 15:30", *ANSWERED, customer("1 14:00"), merge("1 14:30"))
    assert (younger.started_at, younger.due_at) == (june("1 14:00"), june("1 17:00"))
    assert run("next_response", "1 16:00", *ANSWERED, merge("1 15:30")).started_at == june("1 15:00")
    assert run("next_response", "1 15:30", *ANSWERED, merge("1 13:00")).due_at == june("1 16:00")
    assert states("next_response", "1 15:30", *ANSWERED, merge(None)) == []
    assert states("next_response", "1 15:30", ASKED, merge("1 09:00")) == []
    late = run("next_response", "1 15:30", *ANSWERED, merge("1 10:00"))
    assert (late.due_at, late.breached_at) == (june("1 13:00"), june("1 15:00"))
    later = run("next_response", "1 15:30", *ANSWERED, customer("1 14:00"), merge("1 11:00"))
    assert (later.due_at, later.breached_at) == (june("1 14:00"), june("1 15:00"))


def test_what_was_taken_back_never_happened():
    sent = agent("1 11:00")
    sent = type(sent)(0, sent.at, "message", "agent", True, data={"message_id": 7})
    withdrawn = event("1 11:01", "message_withdrawn", message_id=7)
    assert run("first_response", "1 11:30", ASKED, sent).state == "met"
    assert run("first_response", "1 11:30", ASKED, sent, withdrawn).state == "running"
    merged = (ASKED, event("1 11:00", "merged_into", ticket=9))
    assert replayed("1 12:00", *merged, event("1 11:30", "merge_undone", ticket=9)) == replayed(
        "1 12:00", ASKED
    )
    spam = (ASKED, event("1 11:00", "disposal", to="spam"), event("1 11:30", "disposal", to=None))
    assert replayed("1 12:00", *spam) == replayed("1 12:00", ASKED)
    outbound = created("1 10:00", by="agent", first_message="agent_public", message_id=7)
    assert states("first_response", "1 11:30", outbound, withdrawn) == ["running"]


# warnings, escalation, what is next (R14, R15)


def test_a_warning_comes_before_the_due_time_in_working_time():
    assert run("first_response", "1 16:50", created("1 16:30")).warn_at == june("2 10:00")
    warned = (*ANSWERED, status("2 16:00", "pending"))
    assert run("resolution", "2 15:30", *warned).warn_at == june("2 14:00")
    assert run("resolution", "2 17:00", *warned).warn_at is None
    moved = run("resolution", "2 12:00", *WAITING, status("2 10:00", "open"))
    assert (moved.warn_at, moved.due_at) == (june("3 13:00"), june("3 17:00"))


def test_escalation_steps_count_before_and_after_in_working_time_and_move_with_the_clock():
    history = (created("1 10:00", policy="steps"), agent("1 11:00"))
    assert run("resolution", "1 12:00", *history).escalations == (
        ("early", june("2 10:00")),
        ("late", june("3 12:00")),
    )
    paused = (*history, status("1 12:00", "pending"))
    assert run("resolution", "1 13:00", *paused).escalations == ()
    resumed = (*paused, status("1 15:00", "open"))
    assert run("resolution", "1 16:00", *resumed).escalations == (
        ("early", june("2 13:00")),
        ("late", june("3 15:00")),
    )


def test_what_comes_next_is_the_nearest_of_all_clocks():
    sla = replayed("1 10:30", created("1 10:00", policy="steps"))
    assert (sla.next_due_at, sla.next_metric, sla.next_breach_at) == (
        june("1 12:00"),
        "first_response",
        june("1 12:00"),
    )
    assert sla.next_warning_at == june("1 11:30")
    overdue = replayed("1 13:00", created("1 10:00", policy="steps"))
    assert (overdue.next_due_at, overdue.next_breach_at) == (june("1 12:00"), june("3 10:00"))
    assert overdue.next_warning_at == june("2 10:00")


# order, late facts, odd input (R16)


def test_late_facts_are_right_after_the_next_replay():
    late_mail = agent("1 11:00")
    assert (
        run("first_response", "1 15:00", ASKED, event("1 14:00", "priority", to="low"), late_mail).state
        == "met"
    )


def test_a_host_whose_clock_was_behind_cannot_answer_before_the_question():
    behind = run("first_response", "1 12:00", agent("1 09:59"), status("1 09:59", "open"), ASKED)
    assert (behind.state, behind.fulfilled_at, behind.elapsed) == ("met", june("1 10:00"), 0)
    assert run("resolution", "1 12:00", status("1 09:59", "solved"), ASKED).fulfilled_at == june("1 10:00")


def test_the_future_is_not_seen_and_nothing_is_no_ticket():
    assert replayed("1 09:00", ASKED).runs == ()
    assert replayed("1 12:00").runs == ()
    assert replayed("1 12:00", agent("1 11:00")).runs == ()
    assert (
        run(
            "resolution", "1 11:30", ASKED, event("1 11:00", "subject"), created("1 11:00", policy="half")
        ).target
        == 16 * HOUR
    )
    with pytest.raises(KeyError):
        replayed("1 12:00", created("1 10:00", policy="unknown"))


def test_breaches_tell_how_late_in_working_time():
    (breach,) = replayed("9 12:00", ASKED, agent("2 10:00"), status("2 10:00", "solved")).breaches
    assert (breach.metric, breach.overdue, breach.fulfilled_at, breach.policy) == (
        "first_response",
        6 * HOUR,
        june("2 10:00"),
        "office",
    )


# policies


@pytest.mark.parametrize(
    ("field", "faulty"),
    [
        ("targets", {"targets": {"normal": {"resolution": Target(0)}}}),
        ("targets", {"targets": {"normal": {"resolution": Target(-5)}}}),
        ("targets", {"targets": {"normal": {"reply": Target(5)}}}),
        ("warn_before", {"targets": {"normal": {"resolution": Target(5, -1)}}}),
        ("calendar", {"calendar": None}),
        ("pause_on", {"pause_on": {"reply": ["pending"]}}),
        ("escalations", {"escalations": (Escalation(1, "reply", 0),)}),
        ("on_reopen", {"on_reopen": "forget"}),
    ],
)
def test_a_faulty_policy_is_refused_by_the_name_of_its_field(field, faulty):
    with pytest.raises(BadPolicy) as refusal:
        PolicyVersion(**{"id": 1, "calendar": "office", "targets": {}, **faulty})
    assert refusal.value.field == field


def test_absurd_targets_are_counted_and_warn_at_once():
    book = {
        "x": PolicyVersion("x", "office", {"normal": {"resolution": Target(10_000 * HOUR, 20_000 * HOUR)}})
    }
    sla = SlaClock.replay(numbered([created("1 10:00", policy="x")]), book, CALENDARS, june("1 11:00"))
    (clock,) = [one for one in sla.runs if one.target]
    assert CALENDARS["office"].between(june("1 10:00"), clock.due_at) == 10_000 * HOUR
    assert clock.warn_at == june("1 10:00")


def test_the_first_policy_that_fits_and_why_the_earlier_ones_did_not():
    policies = [
        Policy("Off", 1, enabled=False),
        Policy("Gold", 2, {"segment": ["gold"], "priority": ["urgent", "high"]}),
        Policy("Acme", 3, {"organisation": [17]}),
        Policy("Phone", 4, {"channel": ["phone"], "tag": ["vip"]}),
        Policy("All", 5),
    ]
    facts = {"segment": ("gold", "press"), "priority": "low", "channel": "phone", "tag": ["new", "vip"]}
    version, why = match_policy(facts, policies)
    assert version == 4
    assert why == [
        Refusal("Off", None),
        Refusal("Gold", "priority", ("urgent", "high"), ("low",)),
        Refusal("Acme", "organisation", (17,), ()),
    ]
    assert match_policy({}, policies)[0] == 5
    assert match_policy({}, policies[:-1])[0] is None
