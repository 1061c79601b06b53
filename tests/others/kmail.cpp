// KMail's own library for filters (libkf5kmanagesieve), driven without a window: each step by a job of its own, the outcome on a line.
// Called with a port, a certificate to trust, a user and a password.

#include <KManageSieve/SieveJob>
#include <QCoreApplication>
#include <QFile>
#include <QSslConfiguration>
#include <QTextStream>
#include <QUrl>

using KManageSieve::SieveJob;

static QTextStream out(stdout);

// Runs a job to its end and tells how it ended, and what a list or a script holds.
static void wait(const char *name, SieveJob *job)
{
    bool ended = false;
    const bool is_list = qstrcmp(name, "list") == 0, is_get = qstrcmp(name, "get") == 0;
    QObject::connect(job, &SieveJob::gotList, [&](SieveJob *, bool, QStringList scripts, const QString &active) {
        scripts.sort();
        out << "  scripts: " << scripts.join(QLatin1Char(' ')) << ", active: " << active << '\n';
        ended = true;
    });
    QObject::connect(job, &SieveJob::result, [&](SieveJob *, bool good, const QString &script, bool) {
        out << name << ": " << (good ? "done" : "failed") << '\n';
        if (is_get) {
            out << "  script: " << script.trimmed() << '\n';
        }
        // A list tells how it ended before it tells what there is.
        ended = !is_list || !good;
    });
    while (!ended) {
        QCoreApplication::processEvents(QEventLoop::WaitForMoreEvents);
    }
    out.flush();
}

int main(int count, char **words)
{
    QCoreApplication application(count, words);
    out.setCodec("UTF-8");
    auto trusted = QSslConfiguration::defaultConfiguration();
    trusted.addCaCertificates(QString::fromLocal8Bit(words[2]));
    QSslConfiguration::setDefaultConfiguration(trusted);

    QUrl server;
    server.setScheme(QStringLiteral("sieve"));
    server.setHost(QStringLiteral("localhost"));
    server.setPort(atoi(words[1]));
    server.setUserName(QString::fromLocal8Bit(words[3]));
    server.setPassword(QString::fromLocal8Bit(words[4]));
    server.setQuery(QStringLiteral("x-mech=PLAIN"));
    const auto script = [&](const char *name) {
        QUrl url = server;
        url.setPath(QLatin1Char('/') + QLatin1String(name));
        return url;
    };

    const auto text = QString::fromUtf8("require \"fileinto\";\n# {5+} \xc3\xa9\nkeep;\n");
    wait("list", SieveJob::list(server));
    wait("put", SieveJob::put(script("filter"), text, false, false));
    wait("put and activate", SieveJob::put(script("second"), QStringLiteral("keep;\n"), true, false));
    wait("put what is no script", SieveJob::put(script("third"), QStringLiteral("kee;\n"), false, false));
    wait("list", SieveJob::list(server));
    wait("get", SieveJob::get(script("filter")));
    wait("activate", SieveJob::activate(script("filter")));
    wait("list", SieveJob::list(server));
    wait("deactivate", SieveJob::deactivate(script("filter")));
    wait("delete", SieveJob::del(script("filter")));
    wait("delete", SieveJob::del(script("second")));
    wait("list", SieveJob::list(server));
    return 0;
}
