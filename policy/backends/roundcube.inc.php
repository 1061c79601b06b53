<?php
// Roundcube without logs of people. At the end of /etc/roundcube/config.inc.php:
//     include("/etc/roundcube/nologd.inc.php");
// nginx.conf beside this file is the other half: it keeps the visitor's network address from PHP, and so from its own logs.
//
// What stays: the table `users` holds the last login and the last failed one. Once a week, as a job of the database:
//     UPDATE users SET last_login = NULL, failed_login = NULL, failed_login_counter = NULL;

// The table `session` has the visitor's address in each row, whatever is set, and errors.log and sendmail.log have it in each
// line. Roundcube asks for it after this file was read, so it never learns any other than this one. (A 'proxy_whitelist', if
// there is one, must hold this address to be of any effect.) Programs on the command line have none, and that stays so.
if (!empty($_SERVER['REMOTE_ADDR'])) {
    $_SERVER['REMOTE_ADDR'] = '127.0.0.1';
}
foreach (['CLIENT_IP', 'FORWARDED', 'X_CLIENT_IP', 'X_FORWARDED_FOR', 'X_REAL_IP'] as $nologd_header) {
    unset($_SERVER['HTTP_' . $nologd_header]);
}

// Each message sent would be a line with login, network address, Message-ID and all addressees. On by default.
$config['smtp_log'] = false;

// errors.log has each wrong password with login and network address. php-fpm throws standard output away, unless
// catch_workers_output is on. To find a fault, set it to 'file' for as long as you look.
$config['log_driver'] = 'stdout';

// Letters of the session in each line would tie lines to one person.
$config['log_session_id'] = 0;

// Off by default. Said here so that a forgotten line above does not count.
$config['log_logins'] = false;
$config['per_user_logging'] = false;
$config['session_debug'] = false;
$config['sql_debug'] = false;
$config['imap_debug'] = false;
$config['smtp_debug'] = false;
$config['ldap_debug'] = false;
$config['imap_log_session'] = false;

// No trace of the visitor in messages, nor towards the mail server. nologd takes out what is left.
$config['http_received_header'] = false;
$config['useragent'] = null;
$config['smtp_xclient_login'] = false;
$config['smtp_xclient_addr'] = false;

// Behind a constant address a session bound to the address is bound to nothing.
$config['ip_check'] = false;

// Leave out of $config['plugins'] what stores or hands on addresses: lastlogin, rcguard, dovecot_ident, dovecot_client_ip.
