"""Lines of PowerShell, for Exchange Online and Microsoft Graph, read as their shell would: quotes that close, no word that means
something else to it, cmdlets and parameters that there are.

CMDLETS was compared, in November 2026, with the reference pages of Microsoft's modules ExchangeOnlineManagement and
Microsoft.Graph, which name each parameter; whoever shows another cmdlet looks it up there and adds it."""

import re

# Each parameter that is used somewhere: "!" it must be given, "@" its value may stand without its name, "?" it is a switch,
# "=" these values and no others.
CMDLETS = {
    "Connect-ExchangeOnline": "ExchangeEnvironmentName=O365Default|O365China|O365USGovDoD|O365USGovGCCHigh",
    "Set-TransportConfig": "SmtpClientAuthenticationDisabled=$true|$false",
    "Get-TransportConfig": "",
    "Set-CASMailbox": "Identity!@ SmtpClientAuthenticationDisabled=$true|$false|$null",
    "Get-CASMailbox": "Identity@",
    "Get-Mailbox": "Identity@",
    "New-ServicePrincipal": "AppId! ObjectId! DisplayName",
    "Add-MailboxPermission": "Identity!@ User! AccessRights!=FullAccess|ReadPermission|ChangePermission|DeleteItem|ExternalAccount",
    "Add-RecipientPermission": "Identity!@ Trustee! AccessRights!=SendAs",
    "New-ManagementScope": "Name!@ RecipientRestrictionFilter!",
    "New-ManagementRoleAssignment": "Name@ Role! App! CustomResourceScope",
    "Add-HVEAppAccess": "Identity!@ AppIds!",
    "Get-MailboxFolderStatistics": "Identity!@ FolderScope=All|SentItems|Inbox|DeletedItems",
    "Set-Mailbox": "Identity!@ MaxSendSize",
    "Remove-BlockedSenderAddress": "SenderAddress!",
    "Set-HostedOutboundSpamFilterPolicy": "Identity!@ AutoForwardingMode=Automatic|Off|On",
    "Get-TenantAllowBlockListItems": "ListType!=Sender|Url|FileHash|IP",
    "New-InboundConnector": "Name!@ ConnectorType=Partner|OnPremises SenderDomains! SenderIPAddresses",
    "Get-InboundConnector": "Identity@",
    "Get-OrganizationConfig": "",
    "Connect-MgGraph": "Scopes",
    "Get-MgServicePrincipal": "Filter",
    "New-MgServicePrincipalAppRoleAssignment": "ServicePrincipalId! PrincipalId ResourceId AppRoleId",
    "Update-MgUser": "UserId! AccountEnabled?",
}
# What PowerShell itself has to show and to choose with: names of properties behind it, and conditions.
FILTERS = {"Format-List": r"[A-Z]\w*(,[A-Z]\w*)*", "fl": r"[A-Z]\w*(,[A-Z]\w*)*", "Where-Object": r"[A-Z]\w* -(eq|ne|like) [\w.*]+"}

# What people put in themselves. "<" means something else to PowerShell, so none must be left.
PLACEHOLDER = re.compile(r"<(mailbox|client id|object id( of the enterprise application)?|group DN|(the other )?address|sender)>")
WORD = re.compile(r"""\s*(?:(\|)|((?:"[^"]*"|'(?:[^']|'')*'|\$\w+(?:\.\w+)?|[^\s"'|;&<>(){}@#,$`]|(?<=[^\s])@|,\s*)+))""")


class Wrong(Exception):
    """What is wrong with the line."""


def words_of(line):
    """[[word, ...] of each part of a pipe]"""
    parts, at = [[]], 0
    line = PLACEHOLDER.sub("placeholder", line)
    while line[at:].strip():
        found = WORD.match(line, at)
        if not found:
            raise Wrong(f"not to be read from {line[at:]!r} on")
        at = found.end()
        if found.group(1):
            parts.append([])
        else:
            parts[-1].append(found.group(2))
    return parts


def parameters_of(cmdlet):
    if cmdlet not in CMDLETS:
        raise Wrong(f"is {cmdlet} a cmdlet? Look it up, and add it to CMDLETS")
    return {re.match(r"\w+", word).group(): word for word in CMDLETS[cmdlet].split()}


def check_value(cmdlet, entry, value):
    choices = entry.partition("=")[2]
    if choices and value.strip("'\"") not in choices.split("|"):
        raise Wrong(f"{cmdlet} -{entry} has no {value}")


def check_call(words):
    cmdlet, known, given, words = words[0], parameters_of(words[0]), set(), words[1:]
    while words:
        word = words.pop(0)
        if not word.startswith("-"):
            name = next((name for name, entry in known.items() if "@" in entry and name not in given), None)
            if name is None:
                raise Wrong(f"{cmdlet}: what is {word}?")
            check_value(cmdlet, known[name], word)
        else:
            name, colon, value = word[1:].partition(":")
            if name not in known:
                raise Wrong(f"has {cmdlet} a parameter -{name}? Look it up, and add it to CMDLETS")
            if "?" not in known[name]:
                if not colon and (not words or words[0].startswith("-")):
                    raise Wrong(f"{cmdlet}: -{name} without a value")
                check_value(cmdlet, known[name], value if colon else words.pop(0))
        given.add(name)
    missing = [name for name, entry in known.items() if "!" in entry and name not in given]
    if missing:
        raise Wrong(f"{cmdlet} lacks -{', -'.join(missing)}")


def check(line):
    """Raises Wrong."""
    assigned = re.match(r"\$\w+ = ", line)
    parts = words_of(line[assigned.end():] if assigned else line)
    if any(not part for part in parts):
        raise Wrong("a pipe leads nowhere")
    if not (assigned and re.fullmatch(r"\$\w+\.\w+", parts[0][0]) and len(parts[0]) == 1):
        check_call(parts[0])
    for part in parts[1:]:
        if part[0] not in FILTERS or not re.fullmatch(FILTERS[part[0]], " ".join(part[1:])):
            raise Wrong(f"what does {' '.join(part)} do?")
