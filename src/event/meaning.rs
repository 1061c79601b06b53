//! What each event means, and what to do: `nologd help WORD`, and docs/admin/reference.md. A new event does not compile until it has its
//! texts, in English and in French.

use super::EventKind;

macro_rules! meanings {
    ($($name:ident $en:literal $fr:literal)*) => {
        impl EventKind {
            /// In English and in French: what it means, and what to do.
            pub fn meaning(self) -> (&'static str, &'static str) {
                match self { $(EventKind::$name => ($en, $fr)),* }
            }
        }
    };
}

impl EventKind {
    /// The event with this word, in any case.
    pub fn find(word: &str) -> Option<EventKind> {
        Self::ALL.iter().copied().find(|kind| kind.word().eq_ignore_ascii_case(word))
    }
}

meanings! {
    Started
        "All listeners are bound and nologd serves. Nothing to do."
        "Tous les ports sont ouverts et nologd travaille. Rien à faire."
    Stopping
        "It was told to stop and waits for the open sessions, for drain_seconds at most. Nothing to do."
        "Il lui a été demandé de s'arrêter\u{a0}; il attend les sessions ouvertes, au plus drain_seconds. Rien à faire."
    Stopped
        "It has stopped. `cut` sessions were not over in time; if that is many each time, raise drain_seconds."
        "Il s'est arrêté. `cut` sessions n'étaient pas finies à temps\u{a0}; si c'est beaucoup à chaque fois, augmentez drain_seconds."
    Reloaded
        "The changed config file is in force. Nothing to do."
        "Le fichier de configuration modifié est en vigueur. Rien à faire."
    Imported
        "The associations of the config file went into the book, at the first start. From now on change them with `nologd association set`; those in the file are not read any more."
        "Les associations du fichier de configuration sont entrées dans le registre, au premier démarrage. Changez-les désormais avec `nologd association set`\u{a0}; celles du fichier ne sont plus lues."
    StoreFailed
        "The book cannot be written: the disk is full, read-only or broken. Mail goes on; what admins change is refused. Make room on the disk of state_dir (`df -h`, `df -i`), or look at the disk; it is tried again each minute."
        "Le registre ne peut pas être écrit\u{a0}: le disque est plein, en lecture seule ou abîmé. Le courrier passe\u{a0}; ce que changent les admins est refusé. Faites de la place sur le disque de state_dir (`df -h`, `df -i`), ou examinez-le\u{a0}; un nouvel essai a lieu chaque minute."
    StoreWrites
        "The book can be written again. Repeat the changes that were refused."
        "Le registre peut de nouveau être écrit. Refaites les changements refusés."
    StoreRepaired
        "The disk had changed the book's files; nothing is lost, for the copy beside them was whole. Look at the disk (`smartctl -a`, the kernel's messages) before it happens to the copy."
        "Le disque avait altéré les fichiers du registre\u{a0}; rien n'est perdu, la copie à côté était intacte. Examinez le disque (`smartctl -a`, les messages du noyau) avant que la copie ne soit touchée."
    UsageLost
        "The disk had changed the file of usage; so many mailboxes are counted anew at their next login or push. `doveadm -f tab quota get -A | nologd usage load` counts all at once. Look at the disk."
        "Le disque avait altéré le fichier d'occupation\u{a0}; autant de boîtes seront recomptées à leur prochaine connexion ou annonce. `doveadm -f tab quota get -A | nologd usage load` les compte toutes. Examinez le disque."
    ReloadRefused
        "The config file has so many mistakes; the old one stays in force. `nologd check` names them."
        "Le fichier de configuration a autant d'erreurs\u{a0}; l'ancien reste en vigueur. `nologd check` les nomme."
    RestartNeeded
        "These parts of the config file changed, and only a restart takes them over; `places-for-the-kernel` are ports, sockets and folders that the kernel was told at the start. `systemctl restart nologd` when it suits: sessions are drained."
        "Ces parties du fichier de configuration ont changé et attendent un redémarrage\u{a0}; `places-for-the-kernel` désigne les ports, sockets et dossiers annoncés au noyau au démarrage. `systemctl restart nologd` quand cela convient\u{a0}: les sessions se terminent d'abord."
    ConfigUnreadable
        "The config file could not be read at the reload, with this error of the system (13: not allowed, 2: not there); the old one stays in force. Mend its rights, or restart."
        "Le fichier de configuration n'a pas pu être relu, avec cette erreur du système (13\u{a0}: interdit, 2\u{a0}: absent)\u{a0}; l'ancien reste en vigueur. Corrigez ses droits, ou redémarrez."
    ReloadLimited
        "A config file that an editor puts in the place of the old one will not be read at a reload. 1: its folder is shared (/etc); give it a folder of its own, /etc/nologd. 2: the daemon's user may not read it; `nologd check` says how it may."
        "Un fichier de configuration qu'un éditeur met à la place de l'ancien ne sera pas relu. 1\u{a0}: son dossier est partagé (/etc)\u{a0}; donnez-lui le sien, /etc/nologd. 2\u{a0}: le compte du service n'a pas le droit de le lire\u{a0}; `nologd check` dit comment le lui donner."
    AssociationsUnread
        "So many associations of the config file are not in the book: only the first start reads them. Add them with `nologd association add`; `nologd check` names them."
        "Autant d'associations du fichier de configuration ne sont pas dans le registre\u{a0}: seul le premier démarrage les lit. Ajoutez-les avec `nologd association add`\u{a0}; `nologd check` les nomme."
    BackendMissing
        "So many mailboxes are at a backend that the config file does not have: nobody logs in there, and mail for them waits at your relay. `nologd status` names the backend. Put it into the file again and reload; or, where the mail was copied, `nologd mailbox move` (docs/admin/move.md), `nologd association set --backend`."
        "Autant de boîtes sont dans un stockage que le fichier de configuration n'a pas\u{a0}: personne ne s'y connecte, et leur courrier attend dans votre relais. `nologd status` nomme le stockage. Remettez-le dans le fichier et rechargez\u{a0}; ou, si le courrier a été copié, `nologd mailbox move` (docs/fr/demenager.md), `nologd association set --backend`."
    SendingStopped
        "A mailbox or an association has sent as much as it may. Perhaps a password is stolen. Its owner and the contact are told by mail; which one is not said here. docs/admin/hacked-account.md says how to find it with them."
        "Une boîte ou une association a envoyé tout ce qu'elle peut. Un mot de passe est peut-être volé. Son titulaire et le contact sont prévenus par courriel\u{a0}; laquelle n'est pas dite ici. docs/fr/compte-pirate.md dit comment la trouver avec eux."
    CertificatesReloaded
        "So many certificates were read again and are in force. Nothing to do."
        "Autant de certificats ont été relus et sont en vigueur. Rien à faire."
    CertificateBroken
        "A certificate or its key cannot be used; the one before stays in force until it ends. `nologd status` names it and says what is wrong."
        "Un certificat ou sa clé est inutilisable\u{a0}; le précédent reste en vigueur jusqu'à son terme. `nologd status` le nomme et dit ce qui ne va pas."
    CertificateEnds
        "A certificate has so many days left and should have been renewed. `nologd status` names it; look at `certbot renew --dry-run`."
        "Il reste autant de jours à un certificat, qui aurait dû être renouvelé. `nologd status` le nomme\u{a0}; voyez `certbot renew --dry-run`."
    CertificateOver
        "A certificate is not valid any more: mail programs refuse it now. Renew it; it is read within a minute."
        "Un certificat n'est plus valable\u{a0}: les logiciels de messagerie le refusent. Renouvelez-le\u{a0}; il est lu dans la minute."
    CertificateClosed
        "Only root may read a certificate or its key, so a renewed one will not be read. `nologd check` names the file and the command that opens it for the daemon's user."
        "Seul root peut lire un certificat ou sa clé\u{a0}: renouvelé, il ne sera pas lu. `nologd check` nomme le fichier et la commande qui l'ouvre au compte du service."
    Standby
        "This is the second of two machines: it waits and follows the book. Nothing to do."
        "C'est la deuxième de deux machines\u{a0}: elle attend et suit le registre. Rien à faire."
    TookOver
        "This machine took over from the other one. Look why that one went (`nologd node show` there), if you did not do it yourself."
        "Cette machine a pris le relais de l'autre. Regardez pourquoi (`nologd node show` là-bas), si ce n'était pas vous."
    Recounted
        "The storage told what so many mailboxes hold, and mail is stored again. Where `whole` is 0, it did not tell all: associations with a mailbox that is missing wait, and it is asked again each minute. Run the count command on the storage's machine by hand to see which."
        "Le stockage a dit ce que contiennent autant de boîtes, et le courrier est de nouveau enregistré. Si `whole` vaut 0, il n'a pas tout dit\u{a0}: les associations dont une boîte manque attendent, et la question est reposée chaque minute. Lancez la commande de comptage à la main sur la machine de stockage pour voir lesquelles."
    LeaseOut
        "The machine with the mailboxes does not answer the pair's question (ssh). Reading goes on where it can; nothing new is stored. If the other machine took over, all is well; else look at `nologd-node` and at ssh."
        "La machine de stockage ne répond pas à la question de la paire (ssh). On peut lire là où c'est possible\u{a0}; rien de nouveau n'est enregistré. Si l'autre machine a pris le relais, tout va bien\u{a0}; sinon, regardez `nologd-node` et ssh."
    LeaseBack
        "The witness answers again, and nobody else took over meanwhile: mail is stored. Nothing to do."
        "Le témoin répond de nouveau, et personne d'autre n'a pris le relais entre-temps\u{a0}: le courrier est enregistré. Rien à faire."
    SteppedBack
        "The other machine judges now. This process ends and systemd starts it anew, to wait. Nothing to do; if it does not come back, the unit's Restart= is missing."
        "L'autre machine décide maintenant. Ce processus s'arrête et systemd le relance, en attente. Rien à faire\u{a0}; s'il ne revient pas, il manque Restart= dans l'unité."
    CopyUnusable
        "This machine could not take over: the copy of the book is of no use to it. 1: copy message-id.key from the other machine; 2: update this machine; 3: make room on its disk; 4: update nologd on the machine with the mailboxes; 5: the copy has no association and the book here has: see on both which is the right one. 6: of several nodes, etcd was emptied or put back to an older state: settings are in force as they were, and none can be changed; `nologd share publish` on the node whose settings are right."
        "Cette machine ne pourrait pas prendre le relais\u{a0}: la copie du registre ne lui sert à rien. 1\u{a0}: copiez message-id.key de l'autre machine\u{a0}; 2\u{a0}: mettez cette machine à jour\u{a0}; 3\u{a0}: faites de la place sur son disque\u{a0}; 4\u{a0}: mettez nologd à jour sur la machine de stockage\u{a0}; 5\u{a0}: la copie n'a aucune association et le registre d'ici en a\u{a0}: voyez sur les deux lequel est le bon. 6\u{a0}: de plusieurs nœuds, etcd a été vidé ou remis à un état plus ancien\u{a0}: les réglages restent en vigueur, et aucun ne peut être changé\u{a0}; `nologd share publish` sur le nœud dont les réglages sont justes."
    EtcdGone
        "No member of etcd answers this node, or they have no majority. Reading goes on; what is to be stored is put off (TAKING-OVER) in a few seconds, or other nodes take over. See with `etcdctl endpoint health` which members run, and whether the certificates of [share] are still valid."
        "Aucun membre d'etcd ne répond à ce nœud, ou ils n'ont pas la majorité. La lecture continue\u{a0}; l'enregistrement est différé (TAKING-OVER) dans quelques secondes, ou d'autres nœuds prennent le relais. Voyez avec `etcdctl endpoint health` quels membres tournent, et si les certificats de [share] sont encore valables."
    EtcdBack
        "etcd answers again. Nothing to do."
        "etcd répond de nouveau. Rien à faire."
    EtcdFull
        "etcd answers and takes nothing that is written: its space is used up (`etcdctl alarm list` says NOSPACE). What is judged goes on; no setting can be changed, and where a node ends or is lost, nobody takes what it judged, and that mail waits. Compact and defragment on each member (`etcdctl compact`, `etcdctl defrag`), then `etcdctl alarm disarm`; see that compaction is automatic (nologd audit)."
        "etcd répond et ne prend plus rien de ce qu'on écrit\u{a0}: sa place est épuisée (`etcdctl alarm list` dit NOSPACE). Ce qui est jugé continue\u{a0}; aucun réglage ne peut être changé, et si un nœud s'arrête ou se perd, personne ne reprend ce qu'il jugeait, et ce courrier attend. Compactez et défragmentez sur chaque membre (`etcdctl compact`, `etcdctl defrag`), puis `etcdctl alarm disarm`\u{a0}; vérifiez que le compactage est automatique (nologd audit)."
    EtcdRoom
        "etcd takes again what is written. Nothing to do."
        "etcd prend de nouveau ce qu'on écrit. Rien à faire."
    JudgesNothing
        "This node judges nothing, so that no limit is passed: mail for what it would judge waits, or other nodes judge it. 1: etcd was first used with another message-id.key; copy that of the other nodes, and restart. 2: members of `etcd` in [share] are not of one cluster (`etcdctl member list` at each). 3: no more than half of them have answered as one; see whether they run. 4: `node` (in the order of the [[share.node]], from 1; 0 where it is about none) has another message-id.key. 5: it speaks to another etcd: compare `etcd` in [share] on both. 6: etcd was emptied or put back to an older state; after 20 s it goes on by itself, and settings must be published anew (copy-unusable). 7: another machine has the same `name` in [share], or a copy of this one's state folder. 8: what other nodes have set is not in force here; copy-unusable says why. 9: the settings of this node were changed while it ran alone, or are its own, and etcd has others: `nologd share publish --replace` puts those of this node in their place for all nodes, `nologd share adopt` takes those of etcd. `nologd share show` says it too."
        "Ce nœud ne juge rien, pour qu'aucune limite ne soit dépassée\u{a0}: le courrier de ce qu'il jugerait attend, ou d'autres nœuds le jugent. 1\u{a0}: etcd a d'abord servi avec un autre message-id.key\u{a0}; copiez celui des autres nœuds et redémarrez. 2\u{a0}: des membres de `etcd` dans [share] ne sont pas de la même grappe (`etcdctl member list` sur chacun). 3\u{a0}: pas plus de la moitié n'ont répondu d'une voix\u{a0}; voyez s'ils tournent. 4\u{a0}: `node` (dans l'ordre des [[share.node]], à partir de 1\u{a0}; 0 s'il n'est question d'aucun) a un autre message-id.key. 5\u{a0}: il parle à un autre etcd\u{a0}: comparez `etcd` dans [share] sur les deux. 6\u{a0}: etcd a été vidé ou remis à un état plus ancien\u{a0}; après 20 s il reprend de lui-même, et les réglages sont à publier de nouveau (copy-unusable). 7\u{a0}: une autre machine a le même `name` dans [share], ou une copie du dossier d'état de celle-ci. 8\u{a0}: ce que d'autres nœuds ont réglé n'est pas en vigueur ici\u{a0}; copy-unusable dit pourquoi. 9\u{a0}: les réglages de ce nœud ont été changés pendant qu'il tournait seul, ou sont les siens, et etcd en a d'autres\u{a0}: `nologd share publish --replace` met ceux de ce nœud à leur place pour tous les nœuds, `nologd share adopt` prend ceux d'etcd. `nologd share show` le dit aussi."
    JudgesAgain
        "What kept this node from judging is over. Nothing to do."
        "Ce qui empêchait ce nœud de juger est passé. Rien à faire."
    NodeSilent
        "Another node lives, and this one cannot reach its share-imap listener: members who come here and whom it judges are told BACKEND-DOWN. `node` counts the [[share.node]] of the config from 1. See its address and port there, the firewall between the two, and that its certificate is for the name in the URL."
        "Un autre nœud vit, et celui-ci n'atteint pas sa porte share-imap\u{a0}: les membres arrivés ici qu'il juge reçoivent BACKEND-DOWN. `node` compte les [[share.node]] de la configuration à partir de 1. Voyez-y son adresse et son port, le pare-feu entre les deux, et que son certificat est au nom de l'URL."
    NodeAnswers
        "The other node can be reached again. Nothing to do."
        "L'autre nœud répond de nouveau. Rien à faire."
    CountLate
        "So many associations wait, and with them their mail: this node is to judge them, and for a minute nobody has told what the storage holds. See that `nologd share count` runs beside this daemon; run its program (doveadm) by hand to see whether it ends, and names all mailboxes. `nologd share show` says `counting` of those."
        "Autant d'associations attendent, et leur courrier avec elles\u{a0}: ce nœud doit les juger, et depuis une minute personne n'a dit ce que contient le stockage. Voyez que `nologd share count` tourne à côté de ce service\u{a0}; lancez son programme (doveadm) à la main pour voir s'il finit et nomme toutes les boîtes. `nologd share show` en dit `counting`."
    CountThere
        "The storage has told, and all is judged. Nothing to do."
        "Le stockage a répondu, tout est jugé. Rien à faire."
    CountInVain
        "The storage was asked what mailboxes hold, and says that all of some association's, or all there are, are empty; so many of them were not, as far as this machine knows. Perhaps the mailboxes are not mounted where `nologd share count` or the witness's program runs: look there first. One of two machines asks again for ten minutes before it stores anything; nodes do not wait. The last numbers that were known stay until a login by IMAP, or `nologd usage count`, says otherwise; where the mailboxes are empty indeed, `nologd usage load` says so."
        "On a demandé au stockage ce que contiennent les boîtes, et il dit que toutes celles d'une association, ou toutes, sont vides\u{a0}; autant d'entre elles ne l'étaient pas, à ce que sait cette machine. Peut-être que les boîtes ne sont pas montées là où tourne `nologd share count` ou le programme du témoin\u{a0}: regardez-y d'abord. L'une de deux machines redemande pendant dix minutes avant de rien enregistrer\u{a0}; les nœuds n'attendent pas. Les derniers nombres connus restent jusqu'à ce qu'une connexion IMAP ou `nologd usage count` dise autre chose\u{a0}; si les boîtes sont vraiment vides, `nologd usage load` le dit."
    NodeCertificateEnds
        "The certificate of [share] has so many days left. Put a new one in its place, on all nodes and members of etcd whose time is as short, and restart nologd there, one after the other: it is read at the start."
        "Il reste autant de jours au certificat de [share]. Mettez-en un nouveau à sa place, sur tous les nœuds et membres d'etcd dont le terme est aussi proche, et redémarrez-y nologd, l'un après l'autre\u{a0}: il est lu au démarrage."
    NodeCertificateOver
        "The certificate of [share] is not valid any more: etcd and other nodes refuse it (etcd-gone), and this node judges nothing. Put a new one in its place and restart."
        "Le certificat de [share] n'est plus valable\u{a0}: etcd et les autres nœuds le refusent (etcd-gone), et ce nœud ne juge rien. Mettez-en un nouveau à sa place et redémarrez."
    BackendDown
        "A mail server behind takes no connections, or takes them and says nothing: `name` is its [[backend]], `service` the key there that says where. Members are told BACKEND-DOWN, incoming mail waits at your relay; nothing is lost. See whether it runs; `nologd check --connect` talks to it."
        "Un serveur de courrier ne prend pas de connexion, ou la prend et ne dit rien\u{a0}: `name` est son [[backend]], `service` la clé qui y dit où. Les membres reçoivent BACKEND-DOWN, le courrier entrant attend au relais\u{a0}; rien n'est perdu. Voyez s'il tourne\u{a0}; `nologd check --connect` lui parle."
    BackendUp
        "It greets again. Nothing to do."
        "Il répond de nouveau. Rien à faire."
    BackendConfused
        "A mail server behind answered what makes no sense, and those sessions were ended to be safe. See with `nologd check --connect` whether the right server listens there. If so, `nologd incident start` with a member who meets it tells the command, for a report."
        "Un serveur de courrier a donné des réponses incohérentes, et ces sessions ont été fermées par prudence. Voyez avec `nologd check --connect` si le bon serveur écoute là. Si oui, `nologd incident start`, avec un membre concerné, donne la commande, pour un signalement."
    BackendSetup
        "A mail server behind takes no passwords from here, so nobody can log in: mostly because it wants TLS. With Dovecot on this machine, loopback is trusted by itself; else use imaps:// or imap+starttls://."
        "Un serveur de courrier n'accepte aucun mot de passe venant d'ici, et personne ne peut se connecter\u{a0}: le plus souvent, il veut TLS. Avec Dovecot sur la même machine, la boucle locale suffit\u{a0}; sinon, imaps:// ou imap+starttls://."
    NoticesWait
        "So many notices to members wait, because a relay does not take them. They are tried again for five days; see whether the relay runs."
        "Autant d'avis aux membres attendent, parce qu'un relais ne les prend pas. Ils sont réessayés pendant cinq jours\u{a0}; voyez si le relais tourne."
    NoticesLost
        "Notices were given up: they had waited five days, or too many waited; or a link, the news of an offer or a request for space found no relay. Mend the relay; who is still above a level is told at the next restart."
        "Des avis ont été abandonnés\u{a0}: ils attendaient depuis cinq jours, ou étaient trop nombreux\u{a0}; ou un lien, l'annonce d'une offre ou une demande d'espace n'a pas trouvé de relais. Réparez le relais\u{a0}; qui dépasse encore un seuil est prévenu au prochain redémarrage."
    NoticeRefused
        "A relay refused notices for good, with this reply code. Mostly it does not accept their sender: set notices.from to an address that it does."
        "Un relais a refusé des avis définitivement, avec ce code. Le plus souvent, il n'accepte pas leur expéditeur\u{a0}: mettez dans notices.from une adresse qu'il accepte."
    UnknownDomain
        "Mail comes in for a domain that no association has, and waits at your relay. `nologd check --connect` compares Postfix's domains with the book's and names those that differ."
        "Du courrier arrive pour un domaine qu'aucune association n'a, et attend au relais. `nologd check --connect` compare les domaines de Postfix à ceux du registre et nomme les différences."
    AcceptFailed
        "No connection can be taken at this listener, usually because too few files may be open. Raise LimitNOFILE in the unit (`systemctl edit nologd`)."
        "Aucune connexion ne peut être prise sur ce port, en général parce que trop peu de fichiers peuvent être ouverts. Augmentez LimitNOFILE dans l'unité (`systemctl edit nologd`)."
    ProxyHeaderMissing
        "A load balancer that `proxy_protocol` names did not say where its client is, and was closed: `send-proxy` (HAProxy) or `proxy_protocol on` (nginx) is missing there, or a program of that machine connects by itself. docs/admin/doors.md."
        "Un répartiteur de charge nommé par `proxy_protocol` n'a pas dit où est son client, et a été fermé\u{a0}: `send-proxy` (HAProxy) ou `proxy_protocol on` (nginx) y manque, ou un programme de cette machine se connecte de lui-même. docs/fr/portes.md."
    ProxyHeaderForeign
        "Somebody said where a client is whom this listener's `proxy_protocol` does not name, and was closed: the address of a load balancer is missing there, or somebody lies. docs/admin/doors.md."
        "Quelqu'un que `proxy_protocol` de cette porte ne nomme pas a dit où est un client, et a été fermé\u{a0}: l'adresse d'un répartiteur de charge y manque, ou quelqu'un ment. docs/fr/portes.md."
    Crowded
        "All places of a kind were taken: sessions (limits.sessions), those without a login (limits.sessions_before_login), deliveries, the webmail, pages, the onion listener, or a load balancer's connections. The metrics (docs/admin/monitoring.md) tell how many sessions there are. If these are members, raise the first two; if they are strangers, nothing is to be done."
        "Toutes les places d'une sorte étaient prises\u{a0}: sessions (limits.sessions), connexions sans identification (limits.sessions_before_login), remises, webmail, pages web, porte oignon ou connexions d'un répartiteur de charge. Les métriques (docs/fr/supervision.md) donnent le nombre de sessions. Si ce sont des membres, augmentez les deux premières\u{a0}; si ce sont des inconnus, rien à faire."
    FewDescriptors
        "This process may open fewer files than its limits need, and they were cut. Put the number after `needed` as LimitNOFILE into the unit (`systemctl edit nologd`)."
        "Ce processus peut ouvrir moins de fichiers que ses limites n'en demandent, et elles ont été réduites. Mettez le nombre qui suit `needed` comme LimitNOFILE dans l'unité (`systemctl edit nologd`)."
    Panicked
        "A fault of this program: one session was lost, the others go on. Please report it with the version, and the line and column that are told."
        "Une erreur de ce programme\u{a0}: une session est perdue, les autres continuent. Signalez-la, avec la version, et la ligne et la colonne indiquées."
    NotEnforced
        "This kernel or this start does not hold a rule, whose number is told (docs/admin/reference.md, docs/admin/sandbox.md). `nologd status` says it in words, and the statement does not claim it."
        "Ce noyau ou ce démarrage ne fait pas respecter une règle, dont le numéro est dit (docs/admin/reference.md, docs/admin/sandbox.md). `nologd status` la dit en mots, et la déclaration ne l'affirme pas."
    OutputKept
        "Standard output (1) or standard error (2) ends in a file or in a journal on disk, so these lines are kept there. That is allowed: they are about nobody."
        "La sortie standard (1) ou d'erreur (2) aboutit dans un fichier ou un journal sur disque\u{a0}: ces lignes y sont gardées. C'est permis\u{a0}: elles ne parlent de personne."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_found_by_its_word_and_says_what_to_do() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::find(&kind.word().to_ascii_uppercase()), Some(*kind));
            let (en, fr) = kind.meaning();
            assert!(en.ends_with('.') && fr.ends_with('.') && en != fr && en.len() > 20, "{kind:?}");
        }
        assert_eq!(EventKind::find("login"), None);
    }
}
