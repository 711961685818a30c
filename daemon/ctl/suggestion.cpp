#include "daemon/ctl/suggestion.h"

#include <algorithm>

namespace ivshmemd::ctl {
namespace {

// More than a screen's width is no slip of a finger, and the cost grows with the square.
constexpr std::size_t longest_word = 80;

// Optimal string alignment distance.
std::size_t slips_between(std::string_view a, std::string_view b) {
    std::vector<std::vector<std::size_t>> rows(a.size() + 1,
                                               std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); ++i) rows[i][0] = i;
    for (std::size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t wrong = a[i - 1] == b[j - 1] ? 0 : 1;
            rows[i][j] =
                std::min({rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + wrong});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                rows[i][j] = std::min(rows[i][j], rows[i - 2][j - 2] + 1);
            }
        }
    }
    return rows[a.size()][b.size()];
}

std::string only_completion(std::string_view word, const std::vector<std::string>& candidates) {
    std::string found;
    for (const std::string& candidate : candidates) {
        if (!std::string_view(candidate).starts_with(word)) continue;
        if (!found.empty()) return {};
        found = candidate;
    }
    return found;
}

}  // namespace

std::string closest(std::string_view word, const std::vector<std::string>& candidates) {
    if (word.empty() || word.size() > longest_word) return {};
    std::string best = only_completion(word, candidates);
    if (!best.empty()) return best;
    std::size_t fewest = std::max<std::size_t>(1, word.size() / 3) + 1;
    for (const std::string& candidate : candidates) {
        const std::size_t slips = slips_between(word, candidate);
        if (slips >= fewest) continue;
        fewest = slips;
        best = candidate;
    }
    return best;
}

}  // namespace ivshmemd::ctl
