/*
 * What to do about each family of causes: who, and with which step of a portal or line of PowerShell. Data only; the
 * rows of the other tables point here.
 */
#include "daemon/explain_private.h"

#define MENU_APP "entra.microsoft.com > App registrations > (the application) > "
#define MENU_ENTERPRISE "entra.microsoft.com > Enterprise applications > (the application) > "
#define MENU_SIGN_INS "entra.microsoft.com > Sign-in logs > (the failed entry) > Conditional Access\n"
#define LOGIN "sign the mailbox in again: mailbearer login {mailbox}"
#define LOGIN_LINE "mailbearer login {mailbox}\n"

#define HEALS(text)                                                                                                    \
	{                                                                                                              \
		EXPLAIN_HEALS, EXPLAIN_NOBODY, text, NULL                                                              \
	}
#define STAYS(who, text, steps)                                                                                        \
	{                                                                                                              \
		EXPLAIN_STAYS, who, text, steps                                                                        \
	}
#define STEP(who, text)                                                                                                \
	{                                                                                                              \
		EXPLAIN_STEP, who, text, NULL                                                                          \
	}

const struct explain_advice explain_advices[ADVICE_COUNT] = {
    /* time */
    [ADVICE_WAIT] = HEALS("wait: it is tried again by itself; if it lasts for hours, look at the service health page"),
    [ADVICE_WAIT_BUSY] =
	HEALS("wait some minutes; look for another program that uses the same application and mailbox"),
    [ADVICE_TICKET] =
	STAYS(EXPLAIN_ENTRA, "open a support request with Microsoft, with the trace id of the log line", NULL),
    /* the sign-in */
    [ADVICE_SIGN_IN] = STAYS(EXPLAIN_OWNER, LOGIN, LOGIN_LINE),
    [ADVICE_SIGN_IN_BROWSER] =
	STAYS(EXPLAIN_POSTMASTER, "sign in by browser, not by device code: mailbearer login {mailbox} --browser",
	      "mailbearer login {mailbox} --browser\n"),
    [ADVICE_SIGN_IN_POLICY] =
	STAYS(EXPLAIN_ENTRA,
	      "exempt the mailbox from the sign-in frequency policy, or use application access; then sign in again",
	      "entra.microsoft.com > Conditional Access > (the policy) > Users > Exclude\n" LOGIN_LINE),
    [ADVICE_SIGN_IN_TRUST] =
	STAYS(EXPLAIN_OWNER,
	      "sign in again with the second factor, from this host's network; or use application access", LOGIN_LINE),
    [ADVICE_SIGN_IN_RIGHT] =
	STAYS(EXPLAIN_OWNER, "sign in with the mailbox's own account of this tenant, and check tenant", LOGIN_LINE),
    [ADVICE_PASSWORD] =
	STAYS(EXPLAIN_OWNER, "give the mailbox a new password in the portal, then sign in again", LOGIN_LINE),
    [ADVICE_ENROL] =
	STAYS(EXPLAIN_OWNER, "register a second factor at https://aka.ms/mfasetup, then sign in again", LOGIN_LINE),
    [ADVICE_AGAIN] = STEP(EXPLAIN_OWNER, "begin the sign-in again: mailbearer login {mailbox}"),
    [ADVICE_GO_ON] = STEP(EXPLAIN_OWNER, "go on with the sign-in that is under way"),
    [ADVICE_ACCEPT] = STAYS(EXPLAIN_OWNER, "sign in again and accept what the application asks for", LOGIN_LINE),
    /* the tenant's policies */
    [ADVICE_POLICY] =
	STAYS(EXPLAIN_ENTRA, "find the policy in the sign-in log; exclude the mailbox, or trust this relay's address",
	      MENU_SIGN_INS "entra.microsoft.com > Conditional Access > (the policy) > Users > Exclude\n"),
    [ADVICE_DEVICE] = STAYS(
	EXPLAIN_ENTRA, "a relay is no managed device: exclude the mailbox from that policy, or use application access",
	MENU_SIGN_INS "entra.microsoft.com > Conditional Access > (the policy) > Users > Exclude\n"),
    [ADVICE_SECURITY_DEFAULTS] =
	STAYS(EXPLAIN_ENTRA, "replace security defaults by policies that let the mailbox in, or use application access",
	      "entra.microsoft.com > Overview > Properties > Manage security defaults\n"),
    [ADVICE_RISK] =
	STAYS(EXPLAIN_ENTRA, "clear the user's risk in Identity Protection, then sign in again",
	      "entra.microsoft.com > Protection > Risky users > (the user) > Dismiss user risk\n" LOGIN_LINE),
    [ADVICE_ENABLE_USER] = STAYS(EXPLAIN_ENTRA, "enable the user in Entra, then sign in again",
				 "Update-MgUser -UserId {mailbox} -AccountEnabled:$true\n" LOGIN_LINE),
    [ADVICE_UNLOCK_USER] =
	STAYS(EXPLAIN_ENTRA, "read the reason in the sign-in log; wait for the lock to end or reset the password",
	      "entra.microsoft.com > Sign-in logs > (the failed entry) > Basic info\n"),
    [ADVICE_ASSIGN_USER] =
	STAYS(EXPLAIN_ENTRA, "assign the user to the application, or turn off \"Assignment required\"",
	      MENU_ENTERPRISE "Users and groups > Add\n"),
    [ADVICE_TENANT_RESTRICTION] = STAYS(
	EXPLAIN_OTHERS, "have the outbound proxy leave the login host alone: it adds Restrict-Access-To-Tenants", NULL),
    [ADVICE_PARTNER] =
	STAYS(EXPLAIN_ENTRA, "sign in with an account of the tenant itself, not with a partner's or a guest's", NULL),
    /* the app registration */
    [ADVICE_CLIENT_ID] =
	STAYS(EXPLAIN_POSTMASTER, "check client_id, tenant and cloud: that application is not in that tenant",
	      MENU_APP "Overview: Application (client) ID, Directory (tenant) ID\n"),
    [ADVICE_ENABLE_APP] = STAYS(EXPLAIN_ENTRA, "enable the enterprise application",
				MENU_ENTERPRISE "Properties > Enabled for users to sign in: Yes\n"),
    [ADVICE_CONSENT] =
	STAYS(EXPLAIN_ENTRA, "grant admin consent to the application (see mailbearer consent-url), then sign in again",
	      MENU_APP "API permissions > Grant admin consent\n"
		       "https://login.microsoftonline.com/{tenant}/adminconsent?client_id={app}\n"),
    [ADVICE_PERMISSION] = STAYS(
	EXPLAIN_ENTRA, "add the permission SMTP.Send (user) or SMTP.SendAsApp (application) and grant admin consent",
	MENU_APP "API permissions > Add > APIs my organization uses > Office 365 Exchange Online\n" MENU_APP
		 "API permissions > Grant admin consent\n"),
    [ADVICE_OWN_APP] = STAYS(EXPLAIN_ENTRA, "register an application of your own and use its client_id",
			     "entra.microsoft.com > App registrations > New registration\n"),
    [ADVICE_SPA] =
	STAYS(EXPLAIN_ENTRA,
	      "register the redirect URI as \"Mobile and desktop applications\", not as SPA; then sign in again",
	      MENU_APP "Authentication > Add a platform > Mobile and desktop applications\n" LOGIN_LINE),
    [ADVICE_SECRET] =
	STAYS(EXPLAIN_POSTMASTER, "put the secret's value, not its ID, into client_secret_file (has it expired?)",
	      MENU_APP "Certificates & secrets > New client secret: copy the column Value\n"
		       "mailbearer refresh {mailbox}\n"),
    [ADVICE_SECRET_EXPIRED] = STAYS(
	EXPLAIN_ENTRA, "make a new client secret, put its value into client_secret_file and set client_secret_expires",
	MENU_APP "Certificates & secrets > New client secret: copy the column Value\n"
		 "mailbearer refresh {mailbox}\n"),
    [ADVICE_SECRET_MISSING] =
	STAYS(EXPLAIN_ENTRA, "turn on \"Allow public client flows\" in the app registration, or set client_secret_file",
	      MENU_APP "Authentication > Advanced settings > Allow public client flows: Yes\n"),
    [ADVICE_SECRET_TOO_MANY] =
	STAYS(EXPLAIN_POSTMASTER,
	      "remove client_secret_file or client_certificate: this application is a public client", NULL),
    [ADVICE_CERTIFICATE] = STAYS(
	EXPLAIN_ENTRA, "register this certificate with the application: upload client_certificate, its public part",
	MENU_APP "Certificates & secrets > Certificates > Upload certificate\n"),
    [ADVICE_CLOCK] = STAYS(EXPLAIN_POSTMASTER,
			   "set this machine's clock (NTP); with federated_token_file, see that the file is renewed",
			   "timedatectl set-ntp true\n"),
    [ADVICE_FEDERATED] = STAYS(
	EXPLAIN_ENTRA,
	"compare issuer, subject and audience of the token file with the federated credential; new ones take minutes",
	MENU_APP "Certificates & secrets > Federated credentials\n"),
    [ADVICE_REDIRECT_URI] =
	STAYS(EXPLAIN_ENTRA, "register redirect_uri, path included, as \"Mobile and desktop applications\"",
	      MENU_APP "Authentication > Add a platform > Mobile and desktop applications > http://localhost/auth\n"),
    /* the configuration */
    [ADVICE_SCOPE] =
	STAYS(EXPLAIN_POSTMASTER,
	      "check scope: the mail server's resource only; leave it out to use the provider's own", NULL),
    [ADVICE_TENANT] = STAYS(EXPLAIN_POSTMASTER, "check tenant: its id or one of its domains; and cloud",
			    "entra.microsoft.com > Overview: Tenant ID\n"),
    [ADVICE_CLOUD] =
	STAYS(EXPLAIN_POSTMASTER, "check cloud: the tenant is in another one (public, gcc-high, dod, china)", NULL),
    [ADVICE_ENDPOINT] =
	STAYS(EXPLAIN_POSTMASTER, "check the endpoints, or leave them out: tenant and cloud are enough", NULL),
    [ADVICE_GRANT] =
	STAYS(EXPLAIN_POSTMASTER, "check grant and tenant: the provider does not allow this grant there", NULL),
    [ADVICE_REQUEST] =
	STAYS(EXPLAIN_POSTMASTER,
	      "check client_id, tenant and scope for stray characters; else it is a defect of ours: report it",
	      "mailbearer check-config\n"),
    [ADVICE_MIN_VALIDITY] =
	STAYS(EXPLAIN_POSTMASTER, "set min_validity lower, or have the provider make tokens that live longer", NULL),
    [ADVICE_TLS_VERSION] =
	STAYS(EXPLAIN_POSTMASTER,
	      "let this host speak TLS 1.2 or newer: OpenSSL, smtp_tls_protocols, and any proxy in between",
	      "postconf -e 'smtp_tls_mandatory_protocols = >=TLSv1.2'\n"),
    [ADVICE_LICENCE] =
	STAYS(EXPLAIN_ENTRA, "give the tenant a subscription with Exchange Online and the mailbox a licence", NULL),
    /* identity providers and agents */
    [ADVICE_IDP] =
	STAYS(EXPLAIN_OTHERS, "ask whoever runs the federated identity provider (AD FS and others) for its log", NULL),
    [ADVICE_AGENT] = STAYS(EXPLAIN_OTHERS, "see the pass-through authentication agents and their domain controllers",
			   "entra.microsoft.com > Hybrid management > Connect > Pass-through authentication\n"),
    /* logging in to the submission server */
    [ADVICE_TOKEN_REFUSED] = STAYS(
	EXPLAIN_POSTMASTER, "check in this order: the account's name, scope, mailbox permission, licence, SMTP AUTH",
	"mailbearer check {mailbox}\n"
	"Get-CASMailbox -Identity {mailbox} | Format-List SmtpClientAuthenticationDisabled\n"
	"For application access, with the object id of the enterprise application (not of the registration):\n"
	"New-ServicePrincipal -AppId {app} -ObjectId <object id of the enterprise application>\n"
	"Add-MailboxPermission -Identity {mailbox} -User <object id of the enterprise application> -AccessRights "
	"FullAccess\n"),
    [ADVICE_SMTP_AUTH_TENANT] =
	STAYS(EXPLAIN_EXCHANGE, "allow SMTP AUTH for this mailbox (its own setting wins over the tenant's)",
	      "Set-CASMailbox -Identity {mailbox} -SmtpClientAuthenticationDisabled $false\n"
	      "For the whole tenant instead: Set-TransportConfig -SmtpClientAuthenticationDisabled $false\n"),
    [ADVICE_SMTP_AUTH_MAILBOX] = STAYS(EXPLAIN_EXCHANGE, "allow SMTP AUTH for this mailbox",
				       "Set-CASMailbox -Identity {mailbox} -SmtpClientAuthenticationDisabled $false\n"),
    [ADVICE_SMTP_AUTH] = STAYS(EXPLAIN_EXCHANGE, "the words after the code tell which of several causes it is",
			       "Get-CASMailbox -Identity {mailbox} | Format-List SmtpClientAuthenticationDisabled\n"
			       "Get-TransportConfig | Format-List SmtpClientAuthenticationDisabled\n"),
    [ADVICE_BASIC] =
	STAYS(EXPLAIN_POSTMASTER, "let the relay offer XOAUTH2 only, so that it never falls back to a password",
	      "postconf -e 'smtp_sasl_mechanism_filter = xoauth2, oauthbearer'\n"),
    [ADVICE_HVE_ACCESS] =
	STAYS(EXPLAIN_EXCHANGE, "give the application access to the High Volume Email account; it takes five minutes",
	      "Add-HVEAppAccess -Identity {mailbox} -AppIds <object id of the enterprise application>\n"),
    [ADVICE_HVE_USER] =
	STAYS(EXPLAIN_POSTMASTER, "name the account as the High Volume Email account's primary address", NULL),
    [ADVICE_HVE_EXTERNAL] = STAYS(
	EXPLAIN_POSTMASTER,
	"High Volume Email reaches the tenant's own recipients only: send this by a mailbox or a connector", NULL),
    [ADVICE_HVE_LIFETIME] =
	STAYS(EXPLAIN_POSTMASTER, "set min_validity = 600 for the account: this server wants ten minutes", NULL),
    [ADVICE_MAILBOX_PERMISSION] =
	STAYS(EXPLAIN_EXCHANGE,
	      "give the application's service principal access to the mailbox; allow an hour for it to take effect",
	      "New-ServicePrincipal -AppId {app} -ObjectId <object id of the enterprise application>\n"
	      "Add-MailboxPermission -Identity {mailbox} -User <object id of the enterprise application> -AccessRights "
	      "FullAccess\n"),
    [ADVICE_UNAUTHENTICATED] = STAYS(
	EXPLAIN_POSTMASTER, "give the relay a login for the host too, as bounces have no sender to look one up by",
	"postconf -e 'smtp_sender_dependent_authentication = no'\n"
	"postconf -e 'smtp_sasl_password_maps = static:{mailbox}:tokend'\n"),
    [ADVICE_MECHANISM] = STAYS(EXPLAIN_POSTMASTER, "log in after STARTTLS, at the submission server of the provider",
			       "postconf -e 'smtp_tls_security_level = secure'\n"),
    [ADVICE_TWO_STEP] =
	STAYS(EXPLAIN_POSTMASTER,
	      "use Postfix 3.4 or newer, or mailbearer-submit: the token must not be in the AUTH line", NULL),
    [ADVICE_GMAIL_TOKEN] =
	STAYS(EXPLAIN_POSTMASTER,
	      "check that the scope is https://mail.google.com/ and the account the token's own; then sign in again",
	      LOGIN_LINE),
    /* limits */
    [ADVICE_CONCURRENCY] = {EXPLAIN_HEALS, EXPLAIN_POSTMASTER,
			    "lower the account's maxproc in master.cf to 3, all relays of this mailbox together",
			    "postconf -F '<transport>/unix/process_limit = 3'\n"},
    [ADVICE_THROTTLED] =
	{EXPLAIN_HEALS, EXPLAIN_POSTMASTER,
	 "hold the queue and repair the cause, as each further error prolongs it; support cannot lift it",
	 "postsuper -h ALL\n"
	 "postsuper -H ALL    (after some hours, with the cause repaired)\n"},
    [ADVICE_DAILY_LIMIT] = {EXPLAIN_HEALS, EXPLAIN_POSTMASTER,
			    "hold the mail for up to 24 hours; spread it over mailboxes or use High Volume Email",
			    "postsuper -h ALL\n"
			    "postsuper -H ALL    (after 24 hours)\n"},
    [ADVICE_GMAIL_LIMIT] = {EXPLAIN_HEALS, EXPLAIN_POSTMASTER,
			    "wait up to 24 hours; send less, or raise the limits in the Admin console", NULL},
    [ADVICE_HOT_RECIPIENT] = {EXPLAIN_HEALS, EXPLAIN_SENDER,
			      "send less to that recipient: its mailbox takes 3,600 messages an hour", NULL},
    [ADVICE_SPLIT] = {EXPLAIN_HEALS, EXPLAIN_POSTMASTER, "put fewer recipients into one message",
		      "postconf -e '<transport>_destination_recipient_limit = 100'\n"},
    [ADVICE_MAILBOX_FULL] =
	STAYS(EXPLAIN_EXCHANGE, "empty the mailbox: what it sends is kept in Sent Items; give it a retention policy",
	      "Get-MailboxFolderStatistics -Identity {mailbox} -FolderScope SentItems\n"),
    [ADVICE_SIZE] = STAYS(EXPLAIN_EXCHANGE, "send smaller messages, or raise the mailbox's limit (150 MB at most)",
			  "Set-Mailbox -Identity {mailbox} -MaxSendSize 150MB\n"),
    /* senders, recipients, messages */
    [ADVICE_SEND_AS] =
	STAYS(EXPLAIN_POSTMASTER,
	      "let mailbearer-milter write the mailbox's address into the message, or grant Send As on the other",
	      "Add-RecipientPermission -Identity <the other address> -Trustee {mailbox} -AccessRights SendAs\n"),
    [ADVICE_HEADER_FROM] = STAYS(
	EXPLAIN_SENDER,
	"write one address into From, with '<' and '>', and quote a name with '@' or ','; the milter does it", NULL),
    [ADVICE_DOMAIN] = STAYS(EXPLAIN_EXCHANGE, "add the sender's domain to the tenant's accepted domains",
			    "admin.microsoft.com > Settings > Domains > Add domain\n"),
    [ADVICE_BLOCKED] =
	STAYS(EXPLAIN_EXCHANGE, "find out what sent the spam, then take the mailbox off the restricted entities",
	      "security.microsoft.com > Email & collaboration > Review > Restricted entities\n"
	      "Remove-BlockedSenderAddress -SenderAddress {mailbox}\n"),
    [ADVICE_RECIPIENT] = STAYS(EXPLAIN_SENDER, "correct the recipient's address", NULL),
    [ADVICE_RECIPIENT_RULES] =
	STAYS(EXPLAIN_OTHERS, "have the recipient, or who runs that group, allow this sender", NULL),
    [ADVICE_FORWARDING] =
	STAYS(EXPLAIN_EXCHANGE, "allow automatic forwarding in the outbound spam policy, or stop forwarding",
	      "Set-HostedOutboundSpamFilterPolicy -Identity Default -AutoForwardingMode On\n"),
    [ADVICE_SPF] = STAYS(EXPLAIN_POSTMASTER, "repair the sending domain's SPF, DKIM and DMARC records",
			 "v=spf1 include:spf.protection.outlook.com -all\n"),
    [ADVICE_BARE_LF] =
	STAYS(EXPLAIN_SENDER, "end lines by CR LF and remove control characters; leave it to cleanup(8)", NULL),
    /* routes */
    [ADVICE_ROUTE] = STAYS(EXPLAIN_POSTMASTER,
			   "check relayhost, transport and MX: the mail went to the wrong server, or in a circle",
			   "postconf relayhost default_transport transport_maps\n"),
    [ADVICE_CONNECTOR] =
	STAYS(EXPLAIN_EXCHANGE,
	      "make the inbound connector match this relay's address or certificate, and the sender's domain accepted",
	      "Get-InboundConnector | Format-List Name,SenderIPAddresses,TlsSenderCertificateName\n"),
    [ADVICE_DIRECT_SEND] = STAYS(
	EXPLAIN_EXCHANGE,
	"make an inbound connector for this relay, or send through a mailbox: direct send is off in the tenant",
	"New-InboundConnector -Name relay -ConnectorType OnPremises -SenderDomains * -SenderIPAddresses <address>\n"),
    [ADVICE_HELO] = STAYS(EXPLAIN_POSTMASTER, "let the relay greet by a name of its own",
			  "postconf -e 'smtp_helo_name = <this host as in DNS>'\n"),
    [ADVICE_PTR] = STAYS(EXPLAIN_POSTMASTER, "give the sending address a PTR record, or send by IPv4",
			 "postconf -e 'smtp_address_preference = ipv4'\n"),
    [ADVICE_DELIST] =
	STAYS(EXPLAIN_POSTMASTER, "have the relay's address delisted; sending through a mailbox does not depend on it",
	      "https://sender.office.com\n"),
    [ADVICE_ALLOW_LIST] = STAYS(EXPLAIN_EXCHANGE, "remove the entry from the Tenant Allow/Block List",
				"Get-TenantAllowBlockListItems -ListType Sender\n"),
    [ADVICE_SUPPORT] = STAYS(EXPLAIN_EXCHANGE, "open a support request with Microsoft: only it can lift this", NULL),
    /* this machine */
    [ADVICE_TOKEND] =
	STAYS(EXPLAIN_POSTMASTER,
	      "start mailbearer-tokend, and let its listen setting name the path under the queue directory too",
	      "systemctl enable --now mailbearer-tokend\nmailbearer check\n"),
    [ADVICE_STORE] =
	STAYS(EXPLAIN_POSTMASTER, "make room and rights in tokend's state_directory; do not stop tokend before",
	      "df -h /var/lib/mailbearer\nls -ld /var/lib/mailbearer\n"),
    [ADVICE_PEER] = STAYS(EXPLAIN_POSTMASTER, "if that user may ask, name it in token_users", "mailbearer reload\n"),
    [ADVICE_CONFIG] = STAYS(EXPLAIN_POSTMASTER, "repair mailbearer.conf", "mailbearer check-config\n"),
    [ADVICE_NETWORK] = {EXPLAIN_HEALS, EXPLAIN_POSTMASTER,
			"if it lasts: let this host reach the server (port 587, and 443 for the login host)",
			"mailbearer check\n"},
    [ADVICE_DNS] = {EXPLAIN_HEALS, EXPLAIN_POSTMASTER,
		    "if it lasts: check this host's name servers and the server's name",
		    "getent hosts smtp.office365.com\n"},
    [ADVICE_VERIFY] = STAYS(EXPLAIN_POSTMASTER, "give the relay the certificate authorities, and the server's own name",
			    "postconf -e 'smtp_tls_CAfile = /etc/ssl/certs/ca-certificates.crt'\n"),
    [ADVICE_PLUGIN] = STAYS(EXPLAIN_POSTMASTER,
			    "install the SASL plugin where libsasl2 looks for it, and let the relay offer XOAUTH2",
			    "mailbearer check\n"
			    "postconf -e 'smtp_sasl_mechanism_filter = xoauth2, oauthbearer'\n"
			    "postconf -e 'smtp_sasl_security_options = noanonymous'\n"),
    [ADVICE_STATUS] = STAYS(EXPLAIN_POSTMASTER, "see what tokend says of the account: mailbearer status {mailbox}",
			    "mailbearer status {mailbox}\n"),
    [ADVICE_PASSWORD_FIELD] = STAYS(EXPLAIN_POSTMASTER, "set smtp_sasl_password_maps to static:{mailbox}:tokend",
				    "postconf -e 'smtp_sasl_password_maps = static:{mailbox}:tokend'\n"),
    [ADVICE_SUBMIT] = STAYS(EXPLAIN_POSTMASTER, "let Sendmail relay through mailbearer-submit", NULL),
};
