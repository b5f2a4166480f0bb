/*
 * The guarded door to Jansson: bytes from outside are bounded, and what is freed is wiped, because token answers and
 * records pass through here. May not quote a document in an error. Called by whoever reads or writes JSON.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/jsondoc.h"

#define DEPTH_MAX 32
#define WHOLE_MAX 9007199254740992.0 /* 2^53: up to there a double holds each whole number */

/* In front of every block that Jansson gets, so that free knows how much to wipe; keeps the alignment of malloc. */
union header {
	size_t size;
	max_align_t align;
};

static void *wiping_malloc(size_t size)
{
	union header *header;

	if (size > SIZE_MAX - sizeof(*header))
		return NULL;
	header = malloc(sizeof(*header) + size);
	if (!header)
		return NULL;
	header->size = size;
	return header + 1;
}

static void wiping_free(void *block)
{
	union header *header = block;

	if (!block)
		return;
	header--;
	explicit_bzero(header, sizeof(*header) + header->size);
	free(header);
}

void jsondoc_init(void)
{
	json_set_alloc_funcs(wiping_malloc, wiping_free);
}

/* Jansson recurses, to 2048 levels; so the brackets are counted before it may begin. */
static bool is_deeper_than(const char *bytes, size_t len, int max)
{
	bool in_string = false;
	int depth = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		if (in_string && bytes[i] == '\\')
			i++;
		else if (bytes[i] == '"')
			in_string = !in_string;
		else if (!in_string && (bytes[i] == '{' || bytes[i] == '['))
			depth++;
		else if (!in_string && (bytes[i] == '}' || bytes[i] == ']'))
			depth--;
		if (depth > max)
			return true;
	}
	return false;
}

/* Jansson's own text quotes the document, which may hold a token. */
static const char *what_was_wrong(const json_error_t *error)
{
	switch (json_error_code(error)) {
	case json_error_premature_end_of_input:
		return "it ends too early";
	case json_error_end_of_input_expected:
		return "something follows after its end";
	case json_error_duplicate_key:
		return "a key stands twice";
	case json_error_invalid_utf8:
		return "not UTF-8";
	case json_error_null_character:
	case json_error_null_byte_in_key:
		return "a NUL in a string";
	case json_error_numeric_overflow:
		return "a number out of range";
	case json_error_out_of_memory:
		return "out of memory";
	default:
		return "not JSON";
	}
}

json_t *jsondoc_parse(const char *bytes, size_t len, size_t max, struct err *err)
{
	json_error_t error;
	json_t *root;

	if (len > max) {
		err_set(err, ERR_LIMIT, "JSON of more than %zu bytes", max);
		return NULL;
	}
	if (is_deeper_than(bytes, len, DEPTH_MAX)) {
		err_set(err, ERR_LIMIT, "JSON nested deeper than %d levels", DEPTH_MAX);
		return NULL;
	}
	root = json_loadb(len ? bytes : "", len, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		err_set(err, json_error_code(&error) == json_error_out_of_memory ? ERR_MEMORY : ERR_SYNTAX,
			"bad JSON in line %d, column %d: %s", error.line, error.column, what_was_wrong(&error));
	return root;
}

json_t *jsondoc_parse_object(const char *bytes, size_t len, struct err *err)
{
	json_t *root = jsondoc_parse(bytes, len, JSONDOC_MAX, err);

	if (!root || json_is_object(root))
		return root;
	err_set(err, ERR_SYNTAX, "bad JSON: not an object");
	json_decref(root);
	return NULL;
}

static bool has_control(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return true;
	return false;
}

const char *jsondoc_string(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_string(value) || has_control(json_string_value(value), json_string_length(value)))
		return NULL;
	return json_string_value(value);
}

struct secret *jsondoc_secret(const json_t *object, const char *key)
{
	const char *text = jsondoc_string(object, key);

	return text ? secret_new(text, strlen(text)) : NULL;
}

static bool digits_to_integer(const char *text, int64_t *out)
{
	const char *digits = text + (*text == '-');
	char *end;
	long long number;

	if (*digits < '0' || *digits > '9')
		return false;
	errno = 0;
	number = strtoll(text, &end, 10);
	if (*end != '\0' || errno != 0)
		return false;
	*out = number;
	return true;
}

/* JSON knows one kind of number, and some programs write each of theirs with a point. */
static bool whole_to_integer(double number, int64_t *out)
{
	int64_t whole;

	if (!(number >= -WHOLE_MAX && number <= WHOLE_MAX))
		return false;
	whole = (int64_t)number;
	if ((double)whole < number || (double)whole > number)
		return false;
	*out = whole;
	return true;
}

bool jsondoc_integer(const json_t *object, const char *key, int64_t *out)
{
	const json_t *value = json_object_get(object, key);

	if (json_is_integer(value)) {
		*out = json_integer_value(value);
		return true;
	}
	if (json_is_real(value))
		return whole_to_integer(json_real_value(value), out);
	return json_is_string(value) && strlen(json_string_value(value)) == json_string_length(value) &&
	       digits_to_integer(json_string_value(value), out);
}

static int append_piece(const char *bytes, size_t len, void *out)
{
	return buf_append(out, bytes, len);
}

int jsondoc_append(const json_t *object, struct buf *out)
{
	if (json_dump_callback(object, append_piece, out, JSON_COMPACT | JSON_ENSURE_ASCII) == 0)
		return 0;
	out->failed = true;
	return -1;
}
