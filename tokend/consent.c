/*
 * The state machine of one sign-in: when it polls, when it is over. Pure; fed by broker_consent.c, which holds its
 * secrets and does what it says.
 */
#include "tokend/consent.h"

static const char *const kinds[CONSENT_KINDS] = {"browser", "paste", "device"};

const char *consent_kind_name(enum consent_kind kind)
{
	return kinds[kind];
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void set_wake(struct consent *consent)
{
	int64_t silent_at = consent->heard_at + CONSENT_SILENCE_MS;

	switch (consent->state) {
	case CONSENT_PREPARING:
		consent->wake_at = earlier(consent->until, silent_at);
		break;
	case CONSENT_WAITING:
		consent->wake_at = earlier(consent->until, silent_at);
		if (consent->kind == CONSENT_DEVICE)
			consent->wake_at = earlier(consent->wake_at, consent->poll_at);
		break;
	case CONSENT_TRADING:
		consent->wake_at = 0;
		break;
	case CONSENT_OVER:
		consent->wake_at = silent_at;
		break;
	}
}

void consent_init(struct consent *consent, enum consent_kind kind, int64_t now)
{
	*consent = (struct consent){.kind = kind, .until = now + CONSENT_LIFE_MS, .heard_at = now};
	set_wake(consent);
}

static unsigned be_over(struct consent *consent, int64_t now, unsigned action)
{
	consent->state = CONSENT_OVER;
	consent->heard_at = now; /* the outcome is kept for as long as a silence lasts */
	return action;
}

static void be_ready(struct consent *consent, const struct consent_input *in)
{
	if (consent->state != CONSENT_PREPARING)
		return;
	consent->state = CONSENT_WAITING;
	consent->interval_ms = in->interval_ms;
	consent->poll_at = in->now + in->interval_ms;
	if (in->life_ms > 0)
		consent->until = earlier(consent->until, in->now + in->life_ms);
}

static unsigned trade(struct consent *consent)
{
	consent->state = CONSENT_TRADING;
	return CONSENT_TRADE;
}

static unsigned on_tick(struct consent *consent, int64_t now)
{
	bool silent = now >= consent->heard_at + CONSENT_SILENCE_MS;

	if (consent->state == CONSENT_OVER)
		return silent ? CONSENT_FORGET : CONSENT_DO_NOTHING;
	if (consent->state == CONSENT_TRADING)
		return CONSENT_DO_NOTHING;
	if (now >= consent->until)
		return be_over(consent, now, CONSENT_EXPIRED);
	if (silent)
		return be_over(consent, now, CONSENT_ABANDONED);
	if (consent->state == CONSENT_WAITING && consent->kind == CONSENT_DEVICE && now >= consent->poll_at)
		return trade(consent);
	return CONSENT_DO_NOTHING;
}

/* After a poll that decided nothing. */
static void wait_on(struct consent *consent, int64_t now, int64_t interval_ms)
{
	if (consent->state != CONSENT_TRADING || consent->kind != CONSENT_DEVICE)
		return;
	consent->state = CONSENT_WAITING;
	consent->interval_ms = earlier(interval_ms, CONSENT_INTERVAL_MAX_MS);
	consent->poll_at = now + consent->interval_ms;
}

unsigned consent_event(struct consent *consent, enum consent_event event, const struct consent_input *in)
{
	unsigned actions = CONSENT_DO_NOTHING;

	switch (event) {
	case CONSENT_READY:
		be_ready(consent, in);
		break;
	case CONSENT_HEARD:
		consent->heard_at = in->now;
		break;
	case CONSENT_CODE:
		if (consent->state == CONSENT_WAITING && consent->kind != CONSENT_DEVICE)
			actions = trade(consent);
		break;
	case CONSENT_TICK:
		actions = on_tick(consent, in->now);
		break;
	case CONSENT_PENDING:
		wait_on(consent, in->now, consent->interval_ms);
		break;
	case CONSENT_SLOW_DOWN:
		wait_on(consent, in->now, consent->interval_ms + CONSENT_SLOW_DOWN_MS);
		break;
	case CONSENT_NO_ANSWER:
		wait_on(consent, in->now, consent->interval_ms * 2);
		break;
	case CONSENT_ENDED:
		if (consent->state != CONSENT_OVER)
			be_over(consent, in->now, CONSENT_DO_NOTHING);
		break;
	}
	set_wake(consent);
	return actions;
}
