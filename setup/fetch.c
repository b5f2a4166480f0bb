/*
 * The guided first run's own door to libcurl: one document, without credentials. Knows nothing of what is in it, and
 * never has libcurl be verbose. Called by ask.c.
 */
#include <curl/curl.h>

#include "setup/fetch.h"

static size_t take(char *bytes, size_t size, size_t count, void *arg)
{
	struct buf *out = arg;

	return buf_append(out, bytes, size * count) == 0 ? size * count : 0;
}

static unsigned set_options(CURL *curl, const struct fetch *fetch, struct buf *out, char error[CURL_ERROR_SIZE])
{
	unsigned bad = 0;

	bad |= curl_easy_setopt(curl, CURLOPT_URL, fetch->url);
	bad |= curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	bad |= curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	bad |= curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	bad |= curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	bad |= curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	bad |= curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	bad |= curl_easy_setopt(curl, CURLOPT_PROXY, fetch->proxy != NULL ? fetch->proxy : "");
	bad |= curl_easy_setopt(curl, CURLOPT_NOPROXY, "");
	bad |= curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)FETCH_SECONDS);
	bad |= curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	bad |= curl_easy_setopt(curl, CURLOPT_USERAGENT, "mailbearer/" PACKAGE_VERSION);
	bad |= curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
	bad |= curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	bad |= curl_easy_setopt(curl, CURLOPT_WRITEDATA, out);
	if (fetch->ca_file != NULL) {
		bad |= curl_easy_setopt(curl, CURLOPT_CAINFO, fetch->ca_file);
		bad |= curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	}
	return bad;
}

int fetch(const struct fetch *fetch, struct buf *out, struct err *err)
{
	char error[CURL_ERROR_SIZE] = "";
	CURL *curl = curl_easy_init();
	CURLcode code = CURLE_FAILED_INIT;
	long status = 0;

	if (curl != NULL && set_options(curl, fetch, out, error) == 0)
		code = curl_easy_perform(curl);
	if (code == CURLE_OK)
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	else
		err_set(err, code == CURLE_OPERATION_TIMEDOUT ? ERR_TIMEOUT : ERR_UNREACHABLE, "%s: %s", fetch->url,
			out->failed        ? "the answer is larger than a metadata document can be"
			: error[0] != '\0' ? error
					   : curl_easy_strerror(code));
	curl_easy_cleanup(curl);
	return (int)status;
}
