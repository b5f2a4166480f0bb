/*
 * The command import sasl-xoauth2: its configuration and its token files. Called by main.c through the table.
 */
#include "cli/sasl_xoauth2.h"
#include "cli/takeover.h"
#include "daemon/file.h"
#include "daemon/jsondoc.h"

#define CONFIG_DEFAULT "/etc/sasl-xoauth2.conf"

static json_t *read_document(const char *path, struct err *err)
{
	struct buf text = BUF_INIT(TAKEOVER_DOCUMENT_MAX);
	json_t *document = NULL;

	if (file_read(path, &text, err) == 0) {
		document = jsondoc_parse_object(text.data, text.len, err);
		if (document == NULL)
			err_prefix(err, "%s", path);
	}
	buf_free(&text);
	return document;
}

/* tokens: room for a document of each file, which the accounts borrow from. */
static int read_files(struct takeover *takeover, const json_t *config, json_t *tokens[CLI_WORDS_MAX], struct err *err)
{
	const struct cli_call *call = takeover->call;

	for (size_t i = 0; i < call->word_count; i++) {
		tokens[i] = read_document(call->words[i], err);
		if (tokens[i] == NULL ||
		    sasl_xoauth2_read(config, tokens[i], call->words[i], &takeover->ones[i], err) != 0 ||
		    takeover_add(takeover, call->words[i], err) != 0)
			return -1;
	}
	return 0;
}

enum cli_exit cli_import_sasl_xoauth2(const struct cli_call *call, struct err *err)
{
	json_t *config = NULL, *tokens[CLI_WORDS_MAX] = {NULL};
	struct takeover takeover;
	enum cli_exit result = CLI_FAILED;

	if (takeover_begin(call, &takeover, err) == 0)
		config = read_document(call->foreign_config != NULL ? call->foreign_config : CONFIG_DEFAULT, err);
	if (config != NULL && read_files(&takeover, config, tokens, err) == 0)
		result = takeover_end(&takeover, err);
	takeover_free(&takeover);
	for (size_t i = 0; i < CLI_WORDS_MAX; i++)
		json_decref(tokens[i]);
	json_decref(config);
	return result;
}
