"""Texts about this machine and the warehouse.

In: nothing. Out: `CHECKS` and `OUTCOMES` of what is checked without asking Feishu.
"""

from __future__ import annotations

from feishu_source.doctor.text import Outcome, Pair
from feishu_source.report import EXIT_CONFIGURATION, EXIT_FAILED, EXIT_LOCKED

CHECKS = {
    "versions": Pair("versions", "版本"),
    "settings": Pair("settings", "设置"),
    "host": Pair("host", "主机"),
    "setting_names": Pair("names of settings", "设置名称"),
    "lock": Pair("lock", "锁"),
    "working_folder": Pair("working folder", "工作目录"),
    "destination": Pair("destination", "目标端"),
    "state": Pair("state of earlier loads", "以往加载的状态"),
    "files": Pair("place of files", "文件存放处"),
}

_WRITABLE = Pair(
    "Make it writable for whoever runs the load, or name another place.",
    "请为运行加载的用户开放写权限，或指定其他位置。",
)
_CLOSE = Pair(
    "Close whatever has the file open, readers too, then run again.",
    "请关闭打开该文件的程序（只读程序也算），然后重新运行。",
)
_ANOTHER_DATASET = Pair(
    "Give each app and tenant a dataset and a database of its own: --dataset, --database.",
    "请为每个应用和租户使用各自的数据集与数据库：--dataset、--database。",
)

OUTCOMES = {
    "versions.ok": Outcome("ok", Pair("{versions}", "{versions}")),
    "versions.outside": Outcome(
        "warning",
        Pair("{versions}; untested: {outside}", "{versions}；未经测试：{outside}"),
        Pair(
            "Install again with the versions of constraints.txt.",
            "请按 constraints.txt 中的版本重新安装。",
        ),
    ),
    "settings.ok": Outcome("ok", Pair("all can be understood", "全部有效")),
    "settings.wrong": Outcome(
        "failure",
        Pair("{words}", "{words}"),
        Pair("Correct the setting that is named.", "请更正所指出的设置。"),
        EXIT_CONFIGURATION,
    ),
    "setting_names.ok": Outcome("ok", Pair("no unknown ones", "没有未知名称")),
    "setting_names.unknown": Outcome(
        "warning",
        Pair("{names}: no setting has this name", "{names}：没有这样的设置"),
        Pair(
            "Correct or remove it: what it was meant to set keeps its default.",
            "请更正或删除：原本要设置的内容仍为默认值。",
        ),
    ),
    "setting_names.near": Outcome(
        "warning",
        Pair(
            "{names}: no setting has this name; did you mean {near}?",
            "{names}：没有这样的设置；是否应为 {near}？",
        ),
        Pair(
            "Correct or remove it: what it was meant to set keeps its default.",
            "请更正或删除：原本要设置的内容仍为默认值。",
        ),
    ),
    "host.feishu": Outcome("ok", Pair("Feishu, {host}", "飞书，{host}")),
    "host.lark": Outcome("ok", Pair("Lark, {host}", "Lark，{host}")),
    "host.here": Outcome("ok", Pair("this machine, {host}", "本机，{host}")),
    "host.allowed": Outcome("ok", Pair("{host}, which you have allowed", "{host}，已获您的允许")),
    "host.refused": Outcome(
        "failure",
        Pair(
            "{host} is neither Feishu nor Lark, and nobody has allowed it: the app secret is not "
            "sent there",
            "{host} 既不是飞书也不是 Lark，且未获允许：不会向其发送 App Secret",
        ),
        Pair(
            "If the app secret may be sent there, name the host in allowed_hosts "
            "(SOURCES__FEISHU__ALLOWED_HOSTS).",
            "若可以向其发送 App Secret，请将该主机写入 allowed_hosts"
            "（SOURCES__FEISHU__ALLOWED_HOSTS）。",
        ),
        EXIT_CONFIGURATION,
    ),
    "host.wrong": Outcome(
        "failure",
        Pair("{words}", "{words}"),
        Pair(
            "Set base_url to feishu, lark, or https://HOST.",
            "请将 base_url 设为 feishu、lark 或 https://HOST。",
        ),
        EXIT_CONFIGURATION,
    ),
    "lock.free": Outcome("ok", Pair("no other load is running", "没有其他加载正在运行")),
    "lock.held": Outcome(
        "failure",
        Pair("another load of this pipeline is running", "同一 pipeline 的另一次加载正在运行"),
        Pair(
            "Wait for it to end: one load at a time goes into one dataset.",
            "请等待其结束：同一数据集同一时间只能有一次加载。",
        ),
        EXIT_LOCKED,
    ),
    "lock.unreadable": Outcome(
        "failure",
        Pair("{path} cannot be opened", "无法打开 {path}"),
        _WRITABLE,
        EXIT_FAILED,
    ),
    "working_folder.ok": Outcome("ok", Pair("{folder} can be written", "{folder} 可写")),
    "working_folder.new": Outcome("ok", Pair("{folder} can be made", "{folder} 可以创建")),
    "working_folder.unwritable": Outcome(
        "failure",
        Pair("{folder} cannot be written ({reason})", "{folder} 不可写（{reason}）"),
        Pair(
            "Make it writable for whoever runs the load, or name another with --pipelines-dir.",
            "请为运行加载的用户开放写权限，或用 --pipelines-dir 指定其他目录。",
        ),
        EXIT_CONFIGURATION,
    ),
    "files.ok": Outcome("ok", Pair("{where} can be written", "{where} 可写")),
    "files.unwritable": Outcome(
        "failure",
        Pair("{where}: {reason}", "{where}：{reason}"),
        Pair(
            "See that the place is there and may be written to, or name another one; credentials "
            "of a bucket stand under [destination.filesystem.credentials].",
            "请确认该位置存在且可写，或指定其他位置；存储桶的凭证写在 "
            "[destination.filesystem.credentials] 下。",
        ),
        EXIT_CONFIGURATION,
    ),
    "files.unfindable": Outcome(
        "failure",
        Pair(
            "{destination} cannot be asked by SQL which files are due",
            "无法用 SQL 在 {destination} 中查询待下载的文件",
        ),
        Pair(
            "Leave --files out, or load into a database such as DuckDB or PostgreSQL.",
            "请去掉 --files，或加载到 DuckDB、PostgreSQL 等数据库。",
        ),
        EXIT_CONFIGURATION,
    ),
    "destination.ok": Outcome("ok", Pair("{where} can be written", "{where} 可写")),
    "destination.new": Outcome(
        "ok", Pair("{where} is not there yet and can be made", "{where} 尚不存在，可以创建")
    ),
    "destination.reached": Outcome(
        "ok",
        Pair(
            "{where} can be reached; whether it can be written is not tried for this kind",
            "{where} 可以连接；此类目标端不尝试写入",
        ),
    ),
    "destination.wrong": Outcome(
        "failure",
        Pair("{words}", "{words}"),
        Pair("Correct the destination's configuration.", "请更正目标端的配置。"),
        EXIT_CONFIGURATION,
    ),
    "destination.unwritable": Outcome(
        "failure",
        Pair("{where} cannot be written ({reason})", "{where} 不可写（{reason}）"),
        _WRITABLE,
        EXIT_FAILED,
    ),
    "destination.nowhere": Outcome(
        "failure",
        Pair(
            "the folder of {where} cannot be made ({reason})",
            "{where} 所在的目录无法创建（{reason}）",
        ),
        _WRITABLE,
        EXIT_CONFIGURATION,
    ),
    "destination.locked": Outcome(
        "failure",
        Pair("another process has {where} open", "另一个进程正在使用 {where}"),
        _CLOSE,
        EXIT_FAILED,
    ),
    "destination.newer": Outcome(
        "failure",
        Pair(
            "{where} was written by a newer DuckDB than {version}",
            "{where} 由比 {version} 更新的 DuckDB 写入",
        ),
        Pair(
            "Upgrade duckdb, or name another --database.", "请升级 duckdb，或指定其他 --database。"
        ),
        EXIT_FAILED,
    ),
    "destination.damaged": Outcome(
        "failure",
        Pair(
            "{where} is damaged, or no DuckDB database: {words}",
            "{where} 已损坏，或不是 DuckDB 数据库：{words}",
        ),
        Pair(
            "Restore a copy, or move the file away: the next load brings up to date what it finds.",
            "请恢复备份，或移走该文件：下次加载会从现有内容补齐。",
        ),
        EXIT_FAILED,
    ),
    "destination.refused": Outcome(
        "failure",
        Pair("{where} refuses: {words}", "{where} 拒绝：{words}"),
        Pair(
            "Check the destination's address, credentials and rights: it must let tables be made.",
            "请检查目标端的地址、凭证与权限：需允许建表。",
        ),
        EXIT_FAILED,
    ),
    "state.none": Outcome("ok", Pair("nothing was loaded here before", "此处尚未加载过")),
    "state.ok": Outcome(
        "ok",
        Pair(
            "belongs to this app and host, {chats} chats",
            "属于当前应用与主机，共 {chats} 个会话",
        ),
    ),
    "state.newer": Outcome(
        "failure",
        Pair(
            "was written by a newer version (state {theirs}, this one knows {ours})",
            "由更新的版本写入（状态 {theirs}，当前版本支持到 {ours}）",
        ),
        Pair(
            "Upgrade feishu-source, or use another dataset.",
            "请升级 feishu-source，或使用其他数据集。",
        ),
        EXIT_CONFIGURATION,
    ),
    "state.other_app": Outcome(
        "failure",
        Pair("belongs to the app {theirs}, not {ours}", "属于应用 {theirs}，而非 {ours}"),
        _ANOTHER_DATASET,
        EXIT_CONFIGURATION,
    ),
    "state.other_tenant": Outcome(
        "failure",
        Pair("belongs to the tenant {theirs}, not {ours}", "属于租户 {theirs}，而非 {ours}"),
        _ANOTHER_DATASET,
        EXIT_CONFIGURATION,
    ),
    "state.other_host": Outcome(
        "failure",
        Pair("belongs to {theirs}, not {ours}", "属于 {theirs}，而非 {ours}"),
        _ANOTHER_DATASET,
        EXIT_CONFIGURATION,
    ),
}
