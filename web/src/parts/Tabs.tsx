import type { ReactNode } from "react";
import { Tabs as AriaTabs, Tab, TabList, TabPanel } from "react-aria-components";
import css from "./parts.module.css";

export interface TabEntry {
  id: string;
  label: string;
  badge?: number | undefined;
  content: () => ReactNode;
}

interface TabsProps {
  label: string;
  tabs: TabEntry[];
  selected: string;
  onSelect: (id: string) => void;
}

/** Several views of one thing, one at a time. */
export function Tabs({ label, tabs, selected, onSelect }: TabsProps) {
  return (
    <AriaTabs className={css.tabs ?? ""} selectedKey={selected} onSelectionChange={(key) => onSelect(String(key))}>
      <TabList aria-label={label} className={css.tabList ?? ""} items={tabs} dependencies={[tabs]}>
        {(tab) => (
          <Tab id={tab.id} className={css.tab ?? ""}>
            {tab.label}
            {tab.badge ? <span className={css.count}>{tab.badge}</span> : null}
          </Tab>
        )}
      </TabList>
      {tabs
        .filter((tab) => tab.id === selected)
        .map((tab) => (
          <TabPanel key={tab.id} id={tab.id} className={css.tabPanel ?? ""}>
            {tab.content()}
          </TabPanel>
        ))}
    </AriaTabs>
  );
}
