package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Help returns the help text.
func Help() string {
	var b strings.Builder
	b.WriteString("Usage: bulkhead [options]\n" +
		"       bulkhead worker|wallet|notify|gateway -ipcconnect=<address> -ipckey=<file> [options]\n" +
		"       bulkhead bus keygen [options] <role> [<name>]\n" +
		"       bulkhead cli [options] <command> [<argument>...]\n\nBulkhead is a Bitcoin full node in watertight compartments.\n\n")
	b.WriteString(ListOptions(Options(), categories()...))
	return b.String()
}

// ListOptions is the part of a help text that lists options, by their categories.
func ListOptions(all map[string]Option, categories ...Category) string {
	var b strings.Builder
	names := slices.Sorted(maps.Keys(all))
	for _, category := range categories {
		fmt.Fprintf(&b, "%s\n\n", category)
		for _, name := range names {
			if o := all[name]; o.Category == category {
				fmt.Fprintf(&b, "  -%s%s\n%s\n\n", o.Name, o.Param, paragraph(o.Help, 72, "       "))
			}
		}
	}
	return b.String()
}

// paragraph wraps text at width and indents every line.
func paragraph(text string, width int, indent string) string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, indent+line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return strings.Join(append(lines, indent+line), "\n")
}

// Describe lists what was set and where, for the log; secrets are masked.
func (s *Settings) Describe() []string {
	var lines []string
	add := func(source string, values map[string][]value) {
		names := make([]string, 0, len(values))
		for name := range values {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			for _, v := range values[name] {
				text := fmt.Sprintf("%q", v.text)
				if v.boolean {
					text = fmt.Sprint(v.isTrue)
				}
				if s.options[name].Secret {
					text = "****"
				}
				lines = append(lines, fmt.Sprintf("%s%s=%s", source, name, text))
			}
		}
	}
	sections := make([]string, 0, len(s.file))
	for section := range s.file {
		sections = append(sections, section)
	}
	slices.Sort(sections)
	for _, section := range sections {
		prefix := "Config file arg: "
		if section != "" {
			prefix += "[" + section + "] "
		}
		add(prefix, s.file[section])
	}
	add("Command-line arg: ", s.args)
	return lines
}
