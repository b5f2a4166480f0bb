/*
 * Whose request goes out now and whose waits its turn: turns.h decides, this does it, with one timer for all. Called by
 * broker_keeper.c.
 */
#include <stddef.h>

#include "tokend/broker_private.h"

static struct keeper *keeper_of(struct turn *turn)
{
	return (struct keeper *)((char *)turn - offsetof(struct keeper, turn));
}

static void set_timer(struct broker *broker)
{
	int64_t at = turns_wake_at(&broker->turns);

	if (at != 0)
		loop_timer_set(broker->next_turn, at - loop_now(broker->loop));
	else
		loop_timer_cancel(broker->next_turn);
}

void broker_next_turn(void *arg)
{
	struct broker *broker = arg;
	struct turn *turn;

	while (!broker->stopping && (turn = turns_next(&broker->turns, loop_now(broker->loop))) != NULL)
		keeper_send(keeper_of(turn));
	if (!broker->stopping)
		set_timer(broker);
}

void broker_take_turn(struct keeper *keeper, enum turn_kind kind)
{
	struct broker *broker = keeper->broker;

	if (turns_take(&broker->turns, &keeper->turn, kind, loop_now(broker->loop)))
		keeper_send(keeper);
	set_timer(broker);
}
