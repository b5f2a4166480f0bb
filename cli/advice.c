/*
 * Causes and remedies in paragraphs. Called by explain, status and check. The words are those of the tables; what the
 * values bring in from a log is made safe.
 */
#include <ctype.h>
#include <string.h>

#include "cli/advice.h"
#include "cli/output.h"

#define SENTENCE_MAX 512
#define STEPS_MAX 4096
#define STEP_INDENT 4

/* "The text with a capital and a full stop." */
static void append_sentence(struct buf *out, const char *text)
{
	size_t at = out->len;

	buf_puts(out, text);
	buf_puts(out, ".");
	if (!out->failed && at < out->len)
		out->data[at] = (char)toupper((unsigned char)out->data[at]);
}

static void append_paragraph(struct buf *out, const struct buf *text, size_t indent, size_t width)
{
	output_paragraph(out, text->data ? text->data : "", indent, width);
}

static void append_steps(struct buf *out, const char *steps, size_t indent)
{
	size_t len;

	for (; *steps; steps += len + (steps[len] == '\n')) {
		len = strcspn(steps, "\n");
		buf_printf(out, "%*s", (int)indent, "");
		output_safe(out, steps, len);
		buf_puts(out, "\n");
	}
}

void advice_append_remedy(struct buf *out, const struct explain_advice *advice, const struct explain_values *values,
			  size_t indent, size_t width)
{
	struct buf filled = BUF_INIT(SENTENCE_MAX), sentence = BUF_INIT(SENTENCE_MAX + 1), steps = BUF_INIT(STEPS_MAX);

	explain_fill(advice->remedy, values, &filled);
	append_sentence(&sentence, filled.data ? filled.data : "");
	append_paragraph(out, &sentence, indent, width);
	if (advice->steps && explain_fill(advice->steps, values, &steps) == 0)
		append_steps(out, steps.data, indent + STEP_INDENT);
	buf_free(&filled);
	buf_free(&sentence);
	buf_free(&steps);
}

void advice_append_meaning(struct buf *out, const struct explain_cause *cause, size_t indent, size_t width)
{
	struct buf text = BUF_INIT(SENTENCE_MAX);

	append_sentence(&text, cause->meaning);
	append_paragraph(out, &text, indent, width);
	buf_clear(&text);
	append_sentence(&text, explain_course_text(cause->advice->course));
	if (cause->advice->who != EXPLAIN_NOBODY)
		buf_printf(&text, " Whose turn it is: %s.", explain_who_text(cause->advice->who));
	append_paragraph(out, &text, indent, width);
	buf_free(&text);
}

void advice_append(struct buf *out, const struct explain_cause *cause, const struct explain_values *values,
		   size_t indent, size_t width)
{
	advice_append_meaning(out, cause, indent, width);
	advice_append_remedy(out, cause->advice, values, indent, width);
}
