/*
 * Fetches, proves and keeps OpenID Connect metadata documents. What a document says is oauth's business, who needs it
 * the broker's, which calls this.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"
#include "tokend/discovery.h"

struct discovery {
	struct loop *loop;
	struct http *http;
	struct discovery_source *sources;
};

struct discovery_wait {
	struct discovery_wait *next, **link;
	discovery_cb *cb;
	void *arg;
};

struct discovery_source {
	struct discovery *discovery;
	struct discovery_source *next;
	unsigned taken;
	char *client; /* the name of the one that came last: for texts */
	char *url;
	char *ca_file; /* or NULL */
	char *proxy;   /* or NULL */
	int timeout;

	bool known;
	struct oauth_metadata metadata; /* when known */
	int64_t fetched_at;

	struct http_transfer *transfer; /* or NULL */
	struct loop_timer *soon;        /* tells the waiters what is known without a request */
	struct discovery_wait *waits;
	unsigned failures; /* in a row */
	int64_t next_try;
	struct err err; /* of the last failure */
};

/* --- sources --- */

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* 0 also for the copy of NULL. */
static int copy_text(char **copy, const char *text)
{
	*copy = text != NULL ? strdup(text) : NULL;
	return text != NULL && *copy == NULL ? -1 : 0;
}

static struct discovery_source *find_source(struct discovery *discovery, const struct settings_client *client)
{
	struct discovery_source *source;

	for (source = discovery->sources; source != NULL; source = source->next) {
		if (same_text(source->url, client->metadata_url) && same_text(source->ca_file, client->ca_file) &&
		    same_text(source->proxy, client->proxy))
			return source;
	}
	return NULL;
}

/* Takes half-built ones, too; it is in no list. */
static void source_free(struct discovery_source *source)
{
	http_abort(source->transfer);
	loop_timer_free(source->soon);
	if (source->known)
		oauth_metadata_free(&source->metadata);
	free(source->client);
	free(source->url);
	free(source->ca_file);
	free(source->proxy);
	free(source);
}

static void tell_soon(void *arg);

static struct discovery_source *source_new(struct discovery *discovery, const struct settings_client *client)
{
	struct discovery_source *source = calloc(1, sizeof(*source));

	if (source == NULL)
		return NULL;
	source->discovery = discovery;
	source->soon = loop_timer_new(discovery->loop, tell_soon, source);
	if (source->soon == NULL || copy_text(&source->url, client->metadata_url) != 0 ||
	    copy_text(&source->ca_file, client->ca_file) != 0 || copy_text(&source->proxy, client->proxy) != 0) {
		source_free(source);
		return NULL;
	}
	source->next = discovery->sources;
	discovery->sources = source;
	return source;
}

struct discovery_source *discovery_take(struct discovery *discovery, const struct settings_client *client)
{
	struct discovery_source *source = find_source(discovery, client);
	char *name = strdup(client->name);

	if (source == NULL && name != NULL)
		source = source_new(discovery, client);
	if (source == NULL || name == NULL) {
		free(name);
		return NULL;
	}
	free(source->client);
	source->client = name;
	source->timeout = client->timeout;
	source->taken++;
	return source;
}

void discovery_release(struct discovery_source *source)
{
	struct discovery_source **link;

	if (source == NULL || --source->taken > 0)
		return;
	link = &source->discovery->sources;
	while (*link != source)
		link = &(*link)->next;
	*link = source->next;
	source_free(source);
}

struct discovery *discovery_new(struct loop *loop, struct http *http)
{
	struct discovery *discovery = calloc(1, sizeof(*discovery));

	if (discovery != NULL)
		*discovery = (struct discovery){.loop = loop, .http = http};
	return discovery;
}

void discovery_free(struct discovery *discovery)
{
	free(discovery);
}

/* --- telling those who wait --- */

static void link_wait(struct discovery_wait **head, struct discovery_wait *wait)
{
	wait->next = *head;
	wait->link = head;
	if (wait->next != NULL)
		wait->next->link = &wait->next;
	*head = wait;
}

static void unlink_wait(struct discovery_wait *wait)
{
	*wait->link = wait->next;
	if (wait->next != NULL)
		wait->next->link = wait->link;
}

/* The list is taken off first: who is told may ask again, and that is for the next time. */
static void tell(struct discovery_source *source, const struct oauth_metadata *metadata, const struct err *err)
{
	struct discovery_wait *told = source->waits;
	struct discovery_wait *wait;

	source->waits = NULL;
	if (told != NULL)
		told->link = &told;
	while ((wait = told) != NULL) {
		unlink_wait(wait);
		wait->cb(wait->arg, metadata, err);
		free(wait);
	}
}

static void tell_soon(void *arg)
{
	struct discovery_source *source = arg;

	tell(source, source->known ? &source->metadata : NULL, &source->err);
}

/* --- fetching --- */

static void failed(struct discovery_source *source, int64_t retry_after_ms)
{
	struct loop *loop = source->discovery->loop;
	int64_t pause = DISCOVERY_BACKOFF_FIRST_MS;
	unsigned i;

	for (i = 0; i < source->failures && pause < DISCOVERY_BACKOFF_MAX_MS; i++)
		pause *= 2;
	if (pause > DISCOVERY_BACKOFF_MAX_MS)
		pause = DISCOVERY_BACKOFF_MAX_MS;
	pause += loop_random(loop, (uint32_t)(pause / 2 + 1)) - pause / 4;
	if (retry_after_ms > pause)
		pause = retry_after_ms < DISCOVERY_BACKOFF_MAX_MS ? retry_after_ms : DISCOVERY_BACKOFF_MAX_MS;
	source->failures++;
	source->next_try = loop_now(loop) + pause;
	if (source->waits == NULL)
		log_event(EVENT_DISCOVERY_FAILED, NULL, log_text("client", source->client),
			  log_text("reason", source->err.text), log_number("next_try_in", (pause + 999) / 1000));
}

static void learned(struct discovery_source *source, struct oauth_metadata *metadata)
{
	if (source->known)
		oauth_metadata_free(&source->metadata);
	source->metadata = *metadata;
	source->known = true;
	source->fetched_at = loop_now(source->discovery->loop);
	source->failures = 0;
	source->next_try = 0;
	log_event(EVENT_DISCOVERED, NULL, log_text("client", source->client), log_text("url", source->url),
		  log_text("token_endpoint", source->metadata.token_endpoint));
}

/* Microsoft's answer for a tenant that this cloud does not have. */
static bool is_unknown_tenant(const struct http_response *response)
{
	static const char code[] = "AADSTS90002";

	return (response->status == 400 || response->status == 404) && response->body.data != NULL &&
	       memmem(response->body.data, response->body.len, code, sizeof(code) - 1) != NULL;
}

/* 0 with *out to be freed, or -1 with the source's err set. */
static int read_answer(struct discovery_source *source, const struct http_response *response,
		       struct oauth_metadata *out)
{
	struct err *err = &source->err;

	if (response->status == 0)
		return err_set(err, ERR_UNREACHABLE, "cannot fetch %s: %s", source->url, response->error);
	if (is_unknown_tenant(response))
		return err_set(err, ERR_CONFIG, "tenant not found: check `tenant` (or the cloud) of client %s",
			       source->client);
	if (response->status != 200)
		return err_set(err, ERR_UNREACHABLE, "%s answered HTTP %d; check metadata_url of client %s",
			       source->url, response->status, source->client);
	if (oauth_parse_metadata(source->url, response->body.data, response->body.len, out, err) == 0)
		return 0;
	return err_prefix(err, "metadata document of client %s", source->client);
}

static void on_answer(void *arg, const struct http_response *response)
{
	struct discovery_source *source = arg;
	struct oauth_metadata metadata = {0};

	source->transfer = NULL;
	if (read_answer(source, response, &metadata) == 0)
		learned(source, &metadata);
	else
		failed(source, response->retry_after > 0 ? response->retry_after * 1000 : 0);
	tell_soon(source);
}

/* When no request can be made at all, that is a failure like any other, and told soon. */
static void fetch(struct discovery_source *source)
{
	static const struct http_header headers[] = {{"Accept", "application/json"}, {NULL, NULL}};
	struct http_request request = {
	    .url = source->url,
	    .headers = headers,
	    .ca_file = source->ca_file,
	    .proxy = source->proxy,
	    .timeout = source->timeout,
	};

	source->transfer = http_start(source->discovery->http, &request, on_answer, source, &source->err);
	if (source->transfer == NULL) {
		failed(source, 0);
		loop_timer_set(source->soon, 0);
	}
}

const struct oauth_metadata *discovery_known(struct discovery_source *source)
{
	int64_t now = loop_now(source->discovery->loop);

	if (!source->known)
		return NULL;
	if (now - source->fetched_at >= DISCOVERY_FRESH_MS && source->transfer == NULL && now >= source->next_try)
		fetch(source);
	return &source->metadata;
}

struct discovery_wait *discovery_ask(struct discovery_source *source, discovery_cb *cb, void *arg)
{
	struct discovery_wait *wait = calloc(1, sizeof(*wait));

	if (wait == NULL)
		return NULL;
	wait->cb = cb;
	wait->arg = arg;
	link_wait(&source->waits, wait);
	if (source->transfer != NULL)
		return wait;
	if (source->known || loop_now(source->discovery->loop) < source->next_try)
		loop_timer_set(source->soon, 0);
	else
		fetch(source);
	return wait;
}

void discovery_cancel(struct discovery_wait *wait)
{
	if (wait == NULL)
		return;
	unlink_wait(wait);
	free(wait);
}

void discovery_end_pause(struct discovery_source *source)
{
	source->next_try = 0;
}
