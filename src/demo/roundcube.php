<?php
// Written by the demo: a Roundcube whose files are all in this folder.
$config = [];
$config['db_dsnw']      = 'sqlite:///@FOLDER@/roundcube.db?mode=0600';
$config['log_dir']      = '@FOLDER@/logs';
$config['temp_dir']     = '@FOLDER@/temp';
$config['des_key']      = '@KEY@';
$config['product_name'] = 'Roundcube behind nologd';

// The listeners of nologd for a webmail. Whoever logs in to Roundcube sends with the same login.
$config['imap_host'] = '127.0.0.1:@IMAP@';
$config['smtp_host'] = '127.0.0.1:@SUBMISSION@';
$config['smtp_user'] = '%u';
$config['smtp_pass'] = '%p';

$config['create_default_folders'] = true;
$config['enable_spellcheck']      = false;

include('@FOLDER@/nologd.inc.php');
