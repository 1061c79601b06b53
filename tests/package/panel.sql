-- Beside the three associations of tests/sync/alternc.sql: one that the probe knows, and 299 more with ten mailboxes each.
INSERT INTO membres SET uid = 3000, login = 'velo', pass = 'x', mail = 'bureau@velo.example', notes = '';
INSERT INTO membres (uid, login, pass, mail, notes) SELECT 3000 + seq, concat('asso', seq), 'x', concat('bureau@asso', seq, '.example'), '' FROM seq_1_to_299;
INSERT INTO domaines (id, compte, domaine, gesmx, dns_action) SELECT uid, uid, concat(login, '.example'), 1, 'OK' FROM membres WHERE uid BETWEEN 3000 AND 3299;
INSERT INTO address (domain_id, address, type, password) SELECT 3000, local, '', concat('{PLAIN}', local, '-secret') FROM (SELECT 'alice' AS local UNION SELECT 'bob') AS members;
INSERT INTO address (domain_id, address, type, password) SELECT domain.seq, concat('member', box.seq), '', '{PLAIN}x' FROM seq_3001_to_3299 AS domain, seq_1_to_10 AS box;
INSERT INTO mailbox (address_id, path, quota, delivery) SELECT a.id, concat('/var/mail/alternc/', left(a.address, 1), '/', a.address, '_', d.domaine), 500, 'dovecot'
    FROM address a JOIN domaines d ON d.id = a.domain_id WHERE d.id BETWEEN 3000 AND 3299;
-- An alias, an address that catches all, another name of the domain, a list.
INSERT INTO domaines SET id = 3300, compte = 3000, domaine = 'velo-aussi.example', gesmx = 1, dns_action = 'OK';
INSERT INTO address (id, domain_id, address, type) VALUES (90001, 3000, 'bureau', ''), (90002, 3001, '', 'catchall'), (90003, 3300, '', 'catchall'), (90004, 3000, 'liste', 'mailman');
INSERT INTO recipient (address_id, recipients) VALUES (90001, 'alice@velo.example\n'), (90002, 'member1@asso1.example\n'), (90003, '@velo.example\n');
INSERT INTO mailbox SET address_id = 90004, path = '', quota = 0, delivery = 'mailman';
GRANT SELECT ON alternc.* TO 'panel'@'localhost' IDENTIFIED BY 'panel';
GRANT ALL ON alternc.dovecot_quota TO 'panel'@'localhost';
