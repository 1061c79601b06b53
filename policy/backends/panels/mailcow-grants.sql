-- What `nologd sync` may read of mailcow. Its MariaDB is in a container: the socket has to be shared with the host, where the Unix user of
-- the host is not known. So this user has a password, in a file that only nologd-sync reads (`password_file`).
CREATE USER IF NOT EXISTS 'nologd-sync'@'localhost' IDENTIFIED BY 'another one' WITH MAX_USER_CONNECTIONS 2;
GRANT SELECT (domain, quota, backupmx) ON mailcow.domain TO 'nologd-sync'@'localhost';
GRANT SELECT (username, quota, kind) ON mailcow.mailbox TO 'nologd-sync'@'localhost';
GRANT SELECT (address, goto, active) ON mailcow.alias TO 'nologd-sync'@'localhost';
GRANT SELECT (alias_domain, target_domain, active) ON mailcow.alias_domain TO 'nologd-sync'@'localhost';
GRANT SELECT (username, domain, active) ON mailcow.domain_admins TO 'nologd-sync'@'localhost';
