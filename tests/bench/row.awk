# row.awk: one row of the bench's table from the samples of one cell, in the order they were taken:
#     TOOL COUNT WALL CPU PEAK SERVER_CPU CONNECTIONS ROUND_TRIPS QUERIES

function median(values, n,    i, j, swap) {
    for (i = 2; i <= n; i++)
        for (j = i; j > 1 && values[j] < values[j - 1]; j--) {
            swap = values[j]
            values[j] = values[j - 1]
            values[j - 1] = swap
        }
    return n % 2 ? values[(n + 1) / 2] : (values[n / 2] + values[n / 2 + 1]) / 2
}

function typical(column, tool,    i, copy) {
    for (i = 1; i <= rounds[tool]; i++)
        copy[i] = value[column, tool, i]
    return rounds[tool] ? median(copy, rounds[tool]) : 0
}

function ratio(tool, other,    i, copy) {
    for (i = 1; i <= rounds[tool]; i++)
        copy[i] = value["wall", tool, i] / value["wall", other, i]
    return rounds[tool] && rounds[other] ? median(copy, rounds[tool]) : 0
}

function show(format, number) {
    return number ? sprintf(format, number) : "-"
}

function each(column, format) {
    return show(format, typical(column, "floor")) ", " show(format, typical(column, "pgtide")) ", " \
        show(format, typical(column, "psql"))
}

{
    i = ++rounds[$1]
    value["wall", $1, i] = $3 / $2
    value["cpu", $1, i] = $4 / $2
    value["peak", $1, i] = $5 / 1024
    value["server", $1, i] = $6 / $2
    value["trips", $1, i] = $8 / $2
}

END {
    printf "| %s | %d | %s | %s | %s | %s | %s | %s | %s | %.1f, %.1f | %s |\n", workload, workers,
        show("%.2f", typical("wall", "floor")), show("%.2f", typical("wall", "pgtide")),
        show("%.2f", typical("wall", "psql")), show("%.2f", ratio("pgtide", "floor")),
        show("%.1f", ratio("psql", "pgtide")), each("cpu", "%.2f"), each("server", "%.1f"),
        typical("peak", "floor"), typical("peak", "pgtide"), each("trips", "%.1f")
}
