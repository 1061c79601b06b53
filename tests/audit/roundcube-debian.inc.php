<?php
// The settings that Debian 12 installs with roundcube-core 1.6.5.
$config = [];
include("/etc/roundcube/debian-db-roundcube.php");
$config['imap_host'] = 'localhost:143';
$config['smtp_host'] = 'localhost:587';
$config['smtp_user'] = '%u';
$config['smtp_pass'] = '%p';
$config['support_url'] = '';
$config['product_name'] = 'Roundcube Webmail';
$config['des_key'] = 'rcmail-!24ByteDESkey*Str';
$config['plugins'] = [
    // 'archive',
    // 'zipdownload',
];
$config['skin'] = 'elastic';
$config['enable_spellcheck'] = false;
