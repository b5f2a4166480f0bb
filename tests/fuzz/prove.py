#!/usr/bin/python3
"""Proves that each fuzz target reaches what it is for: a bug is planted there, which no seed meets, and the fuzzer must find it.

    tests/fuzz/prove.py BUILDDIR [SECONDS [NAME ...]]      or, in a build folder with --enable-fuzzing: make fuzz-prove

The bugs are traps in copies of the source, compiled and linked in the place of those files; nothing in the tree is touched.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
FUZZ = SOURCE / "tests" / "fuzz"

# target: (file, the line before which the trap is planted, when it springs)
TRAPS = {
    "base64url": ("lib/base64url.c", "	return (bits & ", "len == 22"),
    "callback": ("tokend/signin.c", "		out->code = secret_new(", "value->len % 16 == 3"),
    "challenge": ("sasl/response.c", "	value_len = read_value(", "scan.at < scan.end && *scan.at == '7'"),
    "claims": ("tokend/claims.c", "		if (strcasecmp(name, account) == 0) {", "strlen(name) % 16 == 5"),
    "device": ("tokend/signin.c", "	if (strncmp(out->verification_uri, ", "out->interval < 5"),
    "discovery": ("tokend/oauth_metadata.c", "		out->auth_post = ", "name[0] == 'q'"),
    "explain": ("daemon/explain_text.c", "	out->basic = (int)basic;", "basic % 100 == 37"),
    "frames": ("lib/wire.c", "	memcpy(out->map, payload, word);", "payload[0] == 'q'"),
    "from": ("milter/address.c", "	if (out->kind == ADDRESS_ONE && out->name.len == 0) {",
             "out->kind == ADDRESS_ONE && out->mailbox[0] == 'q'"),
    "identity": ("tokend/identity.c", "	return buf_append(path, realm, len) == 0", "realm[len - 5] == 'q'"),
    "lmtp": ("submit/lmtp.c", "	*path = (struct lmtp_text){rest->at + 1, end};", "rest->at[1] == 'q'"),
    "loopback": ("tokend/loopback_http.c", "	*query = target + path_len", "target_len > 9 && target[8] == 'q'"),
    "netstring": ("lib/netstring.c", "	*out = (struct netstring){", "len == 11"),
    "network": ("daemon/network.c", "	return is_clear_from(out->address", "out->bits == 97"),
    "postfix": ("postfix/master_cf.c", "		put_service(NULL, service, &survey, out);", "text->len % 64 == 37"),
    "reply": ("smtp/reply.c", "	reader->reply.code = code;", "code == 257"),
    "email_proxy": ("cli/email_proxy.c", "	return result == 0 ? foreign_prove(", "*section == 'q'"),
    "sasl_xoauth2": ("cli/sasl_xoauth2.c", "	return prove(out, path, err);", "out->user != NULL && out->user[0] == 'q'"),
    "seal": ("tokend/seal.c", "	memcpy(tag, text + text_len, TAG_LEN);", "text_len % 64 == 37"),
    "service_account": ("tokend/service_account.c", "	if (strncmp(account->token_uri, ", "account->email[0] == 'q'"),
    "settings": ("daemon/settings_check.c", "	addresses = settings_addresses(",
                 "settings->account_count > 0 && settings->accounts[0].name[0] == 'q'"),
    "store_record": ("tokend/store.c", "	if (result != 0)\n		store_record_free(out);",
                     "result == 0 && out->generation == 7"),
    "token_answer": ("tokend/oauth_answer.c", "	read_refresh_token(document, out);", "out->expires_in < 100"),
    "wire": ("lib/wire.c", "			*out = (struct wire_reply){", "len - rest == 13"),
}


def plant(folder):
    """Copies of the files with their traps, each of which springs for its own target only."""
    for file in {file for file, _, _ in TRAPS.values()}:
        text = (SOURCE / file).read_text(encoding="utf-8")
        for name, (where, line, when) in TRAPS.items():
            if where != file:
                continue
            if text.count("\n" + line) != 1:
                raise SystemExit(f"prove.py: the line of {name}'s trap does not stand once in {file}: {line.strip()}")
            trap = f'(void)(({when}) && strcmp(getenv("FUZZ_TARGET"), "{name}") == 0 ? (__builtin_trap(), 0) : 0);'
            text = text.replace("\n" + line, f"\n{trap}\n{line}")
        (folder / file.replace("/", "_")).write_text(f"#include <stdlib.h>\n#include <string.h>\n{text}", encoding="utf-8")


def run(program, name, seconds, corpus):
    """The exit status: 0 when it found nothing in that time; seconds 0: the seeds alone."""
    limit = ["-runs=0"] if seconds == 0 else [f"-max_total_time={seconds}", "-timeout=5"]
    dictionary = FUZZ / "dictionaries" / f"{name}.dict"
    return subprocess.run([program, *limit, f"-artifact_prefix={program.parent}/", f"-dict={dictionary}", corpus],
                          capture_output=True, check=False, cwd=program.parent, env=dict(os.environ, FUZZ_TARGET=name)).returncode


def prove(name, seconds, folder):
    """None, or what is wrong."""
    corpus = folder / "corpus" / name
    shutil.copytree(FUZZ / "corpus" / name, corpus)
    if run(folder / "fuzz_all", name, 0, corpus) != 0:
        return "a seed meets the trap already: choose another condition"
    if run(folder / "fuzz_all", name, seconds, corpus) == 0:
        return f"not found in {seconds} s: the fuzzer does not reach {TRAPS[name][0]}"
    return None


def main():
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    build, seconds = Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) > 2 else 60
    targets = sorted(path.stem[len("fuzz_"):] for path in FUZZ.glob("fuzz_*.c"))
    names, failed = sys.argv[3:] or targets, 0
    if set(targets) != set(TRAPS):
        raise SystemExit(f"prove.py: without a trap, or without a target: {set(targets) ^ set(TRAPS)}")
    print(f"1..{len(names)}", flush=True)
    with tempfile.TemporaryDirectory(prefix="mailbearer-prove.") as folder:
        plant(Path(folder))
        subprocess.run(["make", "-s", "-C", build, "fuzz-traps", f"TRAPS={folder}"], check=True)
        for number, name in enumerate(names, 1):
            wrong = prove(name, seconds, Path(folder))
            failed += wrong is not None
            print(f"{'ok' if wrong is None else 'not ok'} {number} - {name}: {wrong or 'the planted bug was found'}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=0")
    sys.exit(main())
