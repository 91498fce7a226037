package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
)

// shells have a script each that completes by the lists put into it.
var shells = map[string]string{"bash": bashScript, "zsh": zshScript, "fish": fishScript}

// completion returns the script for a shell: it completes options and their values,
// commands, and with -named the parameters' names.
func completion(shell string, commands rpc.Table) (string, error) {
	script, known := shells[shell]
	if !known {
		return "", config.Complain("Invalid value for -completion option. Valid values: bash, zsh, fish.")
	}
	return strings.NewReplacer(
		"@options@", strings.Join(optionWords(), " "),
		"@values@", strings.Join(valueWords(), " "),
		"@commands@", strings.Join(commands.Names(), " "),
		"@described@", described(shell, commands),
		"@parameters@", parameterCases(shell, commands),
	).Replace(script), nil
}

// optionWords are the options, those with a value up to where it begins.
func optionWords() []string {
	all := options()
	words := optionNames()
	for i, name := range words {
		words[i] = "-" + name
		if all[name].Param != "" {
			words[i] += "="
		}
	}
	return words
}

// valueWords are options whose values are a choice, with each value.
func valueWords() (words []string) {
	for _, c := range chains.All() {
		words = append(words, "-chain="+c.Name)
	}
	for _, when := range []string{"always", "auto", "never"} {
		words = append(words, "-color="+when)
	}
	for shell := range shells {
		words = append(words, "-completion="+shell)
	}
	return slices.Sorted(slices.Values(words))
}

// described has a line for each command with what it does, as zsh and fish want it.
func described(shell string, commands rpc.Table) string {
	form := "        '%s:%s'"
	if shell == "fish" {
		form = `        printf '%%s\t%%s\n' %s '%s'`
	}
	var lines []string
	for _, c := range commands {
		summary, _, _ := strings.Cut(c.Summary, "\n")
		summary, _, _ = strings.Cut(summary, ". ")
		lines = append(lines, fmt.Sprintf(form, c.Name, strings.NewReplacer("'", "", `\`, "", ":", "").Replace(summary)))
	}
	return strings.Join(lines, "\n")
}

// parameterCases has a branch of a shell's case for each command with parameters.
func parameterCases(shell string, commands rpc.Table) string {
	form := "    %s) names='%s' ;;"
	if shell == "fish" {
		form = "        case %s\n            string split ' ' '%s'"
	}
	var lines []string
	for _, c := range commands {
		var names []string
		for _, p := range c.Params {
			for _, name := range slices.Concat(p.Names(), p.Members) {
				names = append(names, name+"=")
			}
		}
		if len(names) > 0 {
			lines = append(lines, fmt.Sprintf(form, c.Name, strings.Join(names, " ")))
		}
	}
	return strings.Join(lines, "\n")
}
