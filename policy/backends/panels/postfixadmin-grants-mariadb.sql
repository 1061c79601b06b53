-- What `nologd sync` may read of PostfixAdmin, in a database called postfixadmin: mariadb < postfixadmin-grants-mariadb.sql
CREATE USER IF NOT EXISTS 'nologd-sync'@'localhost' IDENTIFIED VIA unix_socket WITH MAX_USER_CONNECTIONS 2;
GRANT SELECT (domain, quota, backupmx) ON postfixadmin.domain TO 'nologd-sync'@'localhost';
GRANT SELECT (username, quota) ON postfixadmin.mailbox TO 'nologd-sync'@'localhost';
GRANT SELECT (address, goto, active) ON postfixadmin.alias TO 'nologd-sync'@'localhost';
GRANT SELECT (alias_domain, target_domain, active) ON postfixadmin.alias_domain TO 'nologd-sync'@'localhost';
GRANT SELECT (username, domain, active) ON postfixadmin.domain_admins TO 'nologd-sync'@'localhost';
